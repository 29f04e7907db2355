<?php
require __DIR__ . '/marks.php';
// One line, then no more until the test creates a file: the first line must arrive before the script ends.
header('Content-Type: text/plain');
header('X-Accel-Buffering: no');
echo "first\n";
flush();
$go = basename($_GET['token']) . '.go';
$end = microtime(true) + 20;
do {
    usleep(10_000);
} while (!marked($go) && microtime(true) < $end);
echo marked($go) ? "told to go on\n" : "gave up\n";
