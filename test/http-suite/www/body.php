<?php
// Says what arrived as the body, byte for byte.
$body = file_get_contents('php://input');
header('Content-Type: application/json');
echo json_encode([
    'method' => $_SERVER['REQUEST_METHOD'],
    'bytes' => strlen($body),
    'sha256' => hash('sha256', $body),
    'length' => $_SERVER['CONTENT_LENGTH'] ?? null,
]);
