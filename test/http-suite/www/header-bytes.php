<?php
// A header's bytes as they came, and bytes of our own going back.
header("X-Bytes: caf\xe9 \xf0\x9f\x8e\x89");
echo bin2hex($_SERVER['HTTP_X_BYTES']);
