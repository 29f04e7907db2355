<?php

declare(strict_types=1);

namespace App;

/** What was computed once, a file for each key, put in place whole by a rename. */
final class FileCache
{
    public function __construct(private string $folder)
    {
    }

    public function get(string $key, callable $compute): mixed
    {
        $file = $this->file($key);
        $kept = @file_get_contents($file);
        if ($kept !== false) {
            return unserialize($kept);
        }
        if (!is_dir($this->folder)) {
            @mkdir($this->folder, 0777, true);
        }
        $value = $compute();
        $temporary = tempnam($this->folder, 'new');
        file_put_contents($temporary, serialize($value));
        rename($temporary, $file);
        return $value;
    }

    public function forget(string $key): void
    {
        @unlink($this->file($key));
    }

    private function file(string $key): string
    {
        return $this->folder . '/' . sha1($key);
    }
}
