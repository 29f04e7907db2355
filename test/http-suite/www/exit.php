<?php
echo 'leaving';
exit((int) $_GET['code']);
