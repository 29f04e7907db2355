<?php
setcookie('first', 'one two');
setcookie('second', '2', ['path' => '/', 'httponly' => true, 'samesite' => 'Lax']);
setcookie('third', 'a=b; c', ['expires' => 2000000000]);
header('Content-Type: application/json');
echo json_encode($_COOKIE);
