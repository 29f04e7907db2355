<?php
// Answers at once and works on. Waits for the test's word, so that "at once" needs no clock.
$marker = __DIR__ . '/out/' . basename($_GET['token']);
echo 'answered';
$finished = fastcgi_finish_request();
echo 'this reaches nobody';
$end = microtime(true) + 20;
do {
    usleep(10_000);
    clearstatcache();
} while (!file_exists("$marker.go") && microtime(true) < $end);
file_put_contents("$marker.end", ($finished ? 'finished' : 'not finished') . (file_exists("$marker.go") ? ', told' : ', gave up'));
