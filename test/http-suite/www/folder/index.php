<?php
echo 'index of ', basename(__DIR__), ' as ', $_SERVER['SCRIPT_NAME'];
