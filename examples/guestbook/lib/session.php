<?php
// What is kept of a visitor between requests: a key that owns entries, a token for forms, a name, messages, a count.

declare(strict_types=1);

function begin_session(): void
{
    session_name('guestbook');
    session_start([
        'cookie_httponly' => true,
        'cookie_samesite' => 'Lax',
        'cookie_secure' => ($_SERVER['HTTPS'] ?? '') === 'on',
        'use_strict_mode' => true,
    ]);
    $_SESSION['owner'] ??= bin2hex(random_bytes(16));
    $_SESSION['token'] ??= bin2hex(random_bytes(16));
}

/** Marks entries as this visitor's. Never leaves the server. */
function owner_key(): string
{
    return $_SESSION['owner'];
}

/** A form without it came from another site. */
function csrf_token(): string
{
    return $_SESSION['token'];
}

function csrf_token_matches(string $token): bool
{
    return hash_equals($_SESSION['token'], $token);
}

function count_visit(): int
{
    return $_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
}

function remember_name(string $name): void
{
    $_SESSION['name'] = $name;
}

/** Leaves a message for the next page. $kind is "success" or "error". */
function flash(string $kind, string $text): void
{
    $_SESSION['flashes'][] = ['kind' => $kind, 'text' => $text];
}

/** @return list<array{kind: string, text: string}> */
function take_flashes(): array
{
    $flashes = $_SESSION['flashes'] ?? [];
    unset($_SESSION['flashes']);
    return $flashes;
}

/** Keeps a refused form, so that nobody types it twice. */
function keep_draft(string $name, string $message): void
{
    $_SESSION['draft'] = ['name' => $name, 'message' => $message];
}

/** @return array{name: string, message: string} the refused form, or the remembered name */
function take_draft(): array
{
    $draft = $_SESSION['draft'] ?? ['name' => $_SESSION['name'] ?? '', 'message' => ''];
    unset($_SESSION['draft']);
    return $draft;
}
