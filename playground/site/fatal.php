<?php

error_log('a line for the log, before it happens');
missing_function();
