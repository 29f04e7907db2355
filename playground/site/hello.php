<?php

$name = $_GET['name'] ?? 'you';
?>
<!doctype html>
<title>Hello</title>
<h1>Hello, <?= htmlspecialchars($name) ?>!</h1>
<p>Child <?= getenv("CHILD_PID") ?> runs PHP <?= PHP_VERSION ?> as <?= PHP_SAPI ?>.</p>
