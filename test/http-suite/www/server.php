<?php
$server = $_SERVER;
ksort($server);
header('Content-Type: application/json');
echo json_encode($server, JSON_INVALID_UTF8_SUBSTITUTE);
