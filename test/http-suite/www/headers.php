<?php
header('Content-Type: application/json');
$all = array_change_key_case(getallheaders());
ksort($all);
echo json_encode($all, JSON_INVALID_UTF8_SUBSTITUTE);
