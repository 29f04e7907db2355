<?php
$order = json_decode(file_get_contents('php://input'), true, flags: JSON_THROW_ON_ERROR);
header('Content-Type: application/json');
echo json_encode(['sum' => array_sum($order['numbers']), 'text' => $order['text']], JSON_UNESCAPED_UNICODE);
