<?php

declare(strict_types=1);

namespace App;

use PDO;
use Psr\Http\Message\UploadedFileInterface;

/** Notes in a SQLite file, their pictures beside it. */
final class Notes
{
    private ?PDO $database = null;

    public function __construct(private string $folder)
    {
    }

    /** @return list<array{id: int, title: string, text: string}> */
    public function all(): array
    {
        return $this->database()->query('SELECT id, title, text FROM notes ORDER BY id')->fetchAll(PDO::FETCH_ASSOC);
    }

    public function add(string $title, string $text, ?UploadedFileInterface $picture): int
    {
        $this->database()->prepare('INSERT INTO notes (title, text) VALUES (?, ?)')->execute([$title, $text]);
        $id = (int) $this->database()->lastInsertId();
        $picture?->moveTo($this->picture($id));
        return $id;
    }

    public function picture(int $id): string
    {
        return "$this->folder/uploads/$id.png";
    }

    private function database(): PDO
    {
        if ($this->database === null) {
            if (!is_dir("$this->folder/uploads")) {
                @mkdir("$this->folder/uploads", 0777, true);
            }
            $this->database = new PDO("sqlite:$this->folder/notes.sqlite");
            $this->database->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
            $this->database->setAttribute(PDO::ATTR_TIMEOUT, 20);
            $this->database->exec('CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT, text TEXT)');
        }
        return $this->database;
    }
}
