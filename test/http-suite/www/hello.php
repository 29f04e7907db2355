<?php
echo 'hello ', $_GET['who'] ?? 'nobody';
