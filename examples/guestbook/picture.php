<?php
// One picture, by its entry's number.

declare(strict_types=1);

require __DIR__ . '/lib/database.php';
require __DIR__ . '/lib/entries.php';

header('X-Content-Type-Options: nosniff');
header("Content-Security-Policy: default-src 'none'");

$picture = find_picture(open_database(), (int) ($_GET['id'] ?? 0));
if ($picture === null) {
    http_response_code(404);
    header('Content-Type: text/plain; charset=utf-8');
    exit("There is no such picture.\n");
}

$etag = '"' . hash('xxh128', $picture['bytes']) . '"';
header("ETag: $etag");
header('Cache-Control: private, max-age=86400');
if (($_SERVER['HTTP_IF_NONE_MATCH'] ?? '') === $etag) {
    http_response_code(304);
    exit;
}
header('Content-Type: ' . $picture['type']);
header('Content-Length: ' . strlen($picture['bytes']));
echo $picture['bytes'];
