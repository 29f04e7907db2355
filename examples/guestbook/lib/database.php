<?php
// The SQLite file and its tables.

declare(strict_types=1);

/** Outside the web's reach: a server must refuse names that begin with a dot. */
const DATA_FOLDER = __DIR__ . '/../.data';

/** Opens the database; the first call in a fresh checkout makes it. */
function open_database(): PDO
{
    static $db = null;
    if ($db !== null) {
        return $db;
    }
    if (!is_dir(DATA_FOLDER) && !@mkdir(DATA_FOLDER, 0700) && !is_dir(DATA_FOLDER)) {
        throw new RuntimeException('PHP may not create ' . DATA_FOLDER);
    }
    $db = new PDO('sqlite:' . DATA_FOLDER . '/guestbook.sqlite', options: [
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
        // Seconds to wait for another child's write.
        PDO::ATTR_TIMEOUT => 5,
    ]);
    $db->exec('PRAGMA foreign_keys = ON');
    $db->exec(
        'CREATE TABLE IF NOT EXISTS entries (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            message TEXT NOT NULL,
            owner TEXT NOT NULL,
            written_at INTEGER NOT NULL
        )'
    );
    $db->exec(
        'CREATE TABLE IF NOT EXISTS pictures (
            entry_id INTEGER PRIMARY KEY REFERENCES entries (id) ON DELETE CASCADE,
            type TEXT NOT NULL,
            width INTEGER NOT NULL,
            height INTEGER NOT NULL,
            bytes BLOB NOT NULL
        )'
    );
    return $db;
}
