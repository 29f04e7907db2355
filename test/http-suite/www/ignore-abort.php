<?php
require __DIR__ . '/marks.php';
// Goes on although the visitor has left, and says so.
ignore_user_abort(true);
$marker = basename($_GET['token']);
mark("$marker.begin", 'x');
$end = microtime(true) + 20;
while (!connection_aborted() && microtime(true) < $end) {
    echo str_repeat('x', 8192);
    flush();
    usleep(5_000);
}
mark("$marker.end", connection_aborted() ? 'went on' : 'never learnt');
