<?php
for ($i = 0; $i < 200; $i++) {
    header("X-Number-$i: value $i");
}
header("X-Colons: a:b:c");
header('X-Twice: one', false);
header('X-Twice: two', false);
echo 'ok';
