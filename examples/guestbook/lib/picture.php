<?php
// Takes an uploaded picture, or says why not. What the browser claims about it is not believed.

declare(strict_types=1);

const PICTURE_TYPES = [
    IMAGETYPE_JPEG => 'image/jpeg',
    IMAGETYPE_PNG => 'image/png',
    IMAGETYPE_GIF => 'image/gif',
    IMAGETYPE_WEBP => 'image/webp',
];

/** Largest side, in pixels: a small file can claim to be a picture that fills a visitor's memory. */
const PICTURE_SIDE = 8000;

final class PictureRefused extends Exception
{
}

/** Most bytes of a picture: 2 MB, or less when php.ini says so. */
function picture_limit(): int
{
    return min(2 * 1024 * 1024, ini_parse_quantity((string) ini_get('upload_max_filesize')));
}

function format_bytes(int $bytes): string
{
    return $bytes >= 1024 * 1024 ? round($bytes / 1024 / 1024, 1) . ' MB' : round($bytes / 1024) . ' kB';
}

/**
 * @param ?array<string, mixed> $file one entry of $_FILES
 * @return ?array{type: string, width: int, height: int, bytes: string} null when none was sent
 * @throws PictureRefused with a sentence for the visitor
 */
function read_uploaded_picture(?array $file): ?array
{
    $error = $file['error'] ?? UPLOAD_ERR_NO_FILE;
    if ($error === UPLOAD_ERR_NO_FILE) {
        return null;
    }
    $too_large = 'The picture is too large: ' . format_bytes(picture_limit()) . ' are possible.';
    if ($error === UPLOAD_ERR_INI_SIZE || $error === UPLOAD_ERR_FORM_SIZE) {
        throw new PictureRefused($too_large);
    }
    if ($error !== UPLOAD_ERR_OK || !is_uploaded_file($file['tmp_name'])) {
        throw new PictureRefused('The picture did not arrive whole. Please try again.');
    }
    if ($file['size'] > picture_limit()) {
        throw new PictureRefused($too_large);
    }
    $info = @getimagesize($file['tmp_name']);
    $type = $info === false ? null : PICTURE_TYPES[$info[2]] ?? null;
    if ($type === null) {
        throw new PictureRefused('The picture must be a JPEG, PNG, GIF or WebP file.');
    }
    [$width, $height] = $info;
    if ($width < 1 || $height < 1 || max($width, $height) > PICTURE_SIDE) {
        throw new PictureRefused('The picture may be up to ' . PICTURE_SIDE . ' pixels wide and high.');
    }
    return ['type' => $type, 'width' => $width, 'height' => $height, 'bytes' => (string) file_get_contents($file['tmp_name'])];
}
