<?php

header('Content-Type: text/plain');
$pieces = (int) ($_GET['pieces'] ?? 5);
$ms = (int) ($_GET['ms'] ?? 300);
for ($i = 1; $i <= $pieces; $i++) {
    echo "piece $i of $pieces\n";
    flush();
    usleep($ms * 1000);
}
echo "done\n";
