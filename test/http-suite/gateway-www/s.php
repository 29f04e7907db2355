<?php
// Does what its query says, so that a gateway in front of it can be seen at work.
if (($_SERVER['FCGI_ROLE'] ?? '') === 'AUTHORIZER') {
    if (($_COOKIE['let'] ?? '') !== 'me') {
        http_response_code(401);
        exit('who are you?');
    }
    header('Variable-REMOTE_USER: ann');
    header('Variable-ROLE: ' . $_SERVER['FCGI_ROLE']);
    exit;
}
foreach ((array) ($_GET['h'] ?? []) as $header) header($header, false);
if (isset($_GET['status'])) http_response_code((int) $_GET['status']);
if (isset($_GET['log'])) error_log($_GET['log']);
if (isset($_GET['sleep'])) usleep(1000 * (int) $_GET['sleep']);
if (isset($_GET['count'])) {
    $file = __DIR__ . '/count-' . basename($_GET['count']);
    $count = (int) @file_get_contents($file) + 1;
    file_put_contents($file, $count);
    echo $count;
} elseif (isset($_GET['n'])) {
    for ($left = (int) $_GET['n']; $left > 0; $left -= 10000) echo str_repeat('x', min($left, 10000));
} elseif (isset($_GET['server'])) {
    header('Content-Type: application/json');
    echo json_encode($_SERVER + ['body' => file_get_contents('php://input')]);
} else {
    echo $_GET['body'] ?? 'own';
}
