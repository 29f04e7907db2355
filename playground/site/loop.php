<?php

while (true) {
    // Nobody gets out of here.
}
