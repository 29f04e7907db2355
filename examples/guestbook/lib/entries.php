<?php
// Reading and writing entries and their pictures.

declare(strict_types=1);

/**
 * The newest entries first.
 *
 * @param ?int $before only entries with a smaller number
 * @return list<array{id: int, name: string, message: string, owner: string, written_at: int, width: ?int, height: ?int}>
 */
function list_entries(PDO $db, int $limit, ?int $before): array
{
    $query = $db->prepare(
        'SELECT id, name, message, owner, written_at, width, height
         FROM entries LEFT JOIN pictures ON entry_id = id
         WHERE id < :before ORDER BY id DESC LIMIT :limit'
    );
    $query->bindValue('before', $before ?? PHP_INT_MAX, PDO::PARAM_INT);
    $query->bindValue('limit', $limit, PDO::PARAM_INT);
    $query->execute();
    return $query->fetchAll();
}

function count_entries(PDO $db): int
{
    return (int) $db->query('SELECT count(*) FROM entries')->fetchColumn();
}

/** @param ?array{type: string, width: int, height: int, bytes: string} $picture */
function add_entry(PDO $db, string $name, string $message, string $owner, ?array $picture): void
{
    $db->beginTransaction();
    $db->prepare('INSERT INTO entries (name, message, owner, written_at) VALUES (?, ?, ?, ?)')
        ->execute([$name, $message, $owner, time()]);
    if ($picture !== null) {
        $insert = $db->prepare('INSERT INTO pictures (entry_id, type, width, height, bytes) VALUES (?, ?, ?, ?, ?)');
        $insert->bindValue(1, (int) $db->lastInsertId(), PDO::PARAM_INT);
        $insert->bindValue(2, $picture['type']);
        $insert->bindValue(3, $picture['width'], PDO::PARAM_INT);
        $insert->bindValue(4, $picture['height'], PDO::PARAM_INT);
        $insert->bindValue(5, $picture['bytes'], PDO::PARAM_LOB);
        $insert->execute();
    }
    $db->commit();
}

/** @return bool whether there was such an entry of this owner */
function delete_entry(PDO $db, int $id, string $owner): bool
{
    $delete = $db->prepare('DELETE FROM entries WHERE id = ? AND owner = ?');
    $delete->execute([$id, $owner]);
    return $delete->rowCount() === 1;
}

/** @return ?array{type: string, bytes: string} */
function find_picture(PDO $db, int $entry_id): ?array
{
    $query = $db->prepare('SELECT type, bytes FROM pictures WHERE entry_id = ?');
    $query->execute([$entry_id]);
    return $query->fetch() ?: null;
}
