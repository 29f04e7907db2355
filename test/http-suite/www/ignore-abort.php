<?php
// Goes on although the visitor has left, and says so.
ignore_user_abort(true);
$marker = __DIR__ . '/out/' . basename($_GET['token']);
file_put_contents("$marker.begin", '');
$end = microtime(true) + 20;
while (!connection_aborted() && microtime(true) < $end) {
    echo str_repeat('x', 8192);
    flush();
    usleep(5_000);
}
file_put_contents("$marker.end", connection_aborted() ? 'went on' : 'never learnt');
