<?php
// The same token by every way it came in; a mixed-up answer shows at once.
header('X-Token: ' . $_GET['token']);
usleep(random_int(0, 3000));
echo json_encode(['get' => $_GET['token'], 'post' => $_POST['token'], 'cookie' => $_COOKIE['token'], 'header' => $_SERVER['HTTP_X_TOKEN']]);
