<?php
header('Content-Type: text/plain');
for ($i = 0; $i < 200; $i++) {
    echo "line $i\n";
    if ($i % 7 === 0) {
        flush();
    }
}
