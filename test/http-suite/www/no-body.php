<?php
header('X-Ran: yes');
header('Content-Type: text/plain');
echo 'the body of ', $_SERVER['REQUEST_METHOD'];
