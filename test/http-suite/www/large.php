<?php
// Ten megabytes that are nowhere the same, in uneven pieces.
header('Content-Type: application/octet-stream');
$left = (int) $_GET['bytes'];
for ($i = 0; $left > 0; $i++) {
    $piece = substr(str_repeat(hash('sha512', (string) $i, true), 100 + $i % 37), 0, $left);
    echo $piece;
    $left -= strlen($piece);
}
