<?php
header('Content-Type: application/json');
echo json_encode(['get' => $_GET, 'raw' => $_SERVER['QUERY_STRING']]);
