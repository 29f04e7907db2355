<?php
$status = (int) ($_GET['status'] ?? 0);
header('Location: ' . $_GET['to'], true, $status);
echo 'elsewhere';
