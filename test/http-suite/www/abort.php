<?php
require __DIR__ . '/marks.php';
// Writes for ever, or until it learns that nobody reads. What it learnt is kept in a file for the test.
$marker = basename($_GET['token']);
register_shutdown_function(function () use ($marker) {
    mark("$marker.end", connection_aborted() ? 'aborted' : 'finished');
});
mark("$marker.begin", 'x');
$end = microtime(true) + 20;
while (microtime(true) < $end) {
    echo str_repeat('x', 8192);
    flush();
    usleep(5_000);
}
