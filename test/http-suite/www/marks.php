<?php
// How scripts and tests talk to each other while a script runs: through files, or over HTTP where the two share no disk.
const MARKS = '';

function mark(string $name, string $text): void
{
    if (MARKS === '') {
        file_put_contents(__DIR__ . "/out/$name", $text);
        return;
    }
    file_get_contents(MARKS . $name, false, stream_context_create(['http' => ['method' => 'PUT', 'content' => $text]]));
}

function marked(string $name): bool
{
    if (MARKS !== '') {
        return file_get_contents(MARKS . $name) !== '';
    }
    clearstatcache();
    return file_exists(__DIR__ . "/out/$name");
}
