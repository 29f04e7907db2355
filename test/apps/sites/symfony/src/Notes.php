<?php

declare(strict_types=1);

namespace App;

/** Notes, a line of JSON each, and their pictures beside them. */
final class Notes
{
    public function __construct(private string $folder)
    {
    }

    /** @return list<array{id: int, title: string, text: string}> */
    public function all(): array
    {
        $lines = @file($this->folder . '/notes.jsonl', FILE_IGNORE_NEW_LINES) ?: [];
        return array_map(static fn(string $line): array => json_decode($line, true, flags: JSON_THROW_ON_ERROR), $lines);
    }

    /** @return int its number */
    public function add(string $title, string $text): int
    {
        $file = fopen($this->folder . '/notes.jsonl', 'a+');
        flock($file, LOCK_EX);
        $id = substr_count(stream_get_contents($file, offset: 0), "\n") + 1;
        fwrite($file, json_encode(['id' => $id, 'title' => $title, 'text' => $text], JSON_THROW_ON_ERROR) . "\n");
        fclose($file);
        return $id;
    }

    public function pictures(): string
    {
        return $this->folder . '/uploads';
    }
}
