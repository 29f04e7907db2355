<?php
error_log('written to the log on purpose');
file_put_contents('php://stderr', "written to stderr on purpose\n");
echo 'fine';
