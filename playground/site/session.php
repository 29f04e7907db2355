<?php

session_start();
$_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
?>
<!doctype html>
<title>A session</title>
<p>Visits: <?= $_SESSION['visits'] ?></p>
<p>Answered by child <?= getenv("CHILD_PID") ?>. Session <?= session_id() ?></p>
