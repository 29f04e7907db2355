<?php
$seen = [];
foreach ($_FILES as $field => $file) {
    $seen[$field] = [
        'name' => $file['name'],
        'type' => $file['type'],
        'error' => $file['error'],
        'size' => $file['size'],
        'sha256' => is_uploaded_file($file['tmp_name']) ? hash_file('sha256', $file['tmp_name']) : null,
    ];
}
header('Content-Type: application/json');
echo json_encode(['files' => $seen, 'post' => $_POST]);
