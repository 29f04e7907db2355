<?php
ini_set('display_errors', '0');
throw new RuntimeException('thrown on purpose');
