<?php
ini_set('display_errors', '0');
if (isset($_GET['after'])) {
    echo 'before ';
    flush();
}
no_such_function();
