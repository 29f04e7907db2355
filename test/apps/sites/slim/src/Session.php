<?php

declare(strict_types=1);

namespace App;

/** PHP's own session, and messages that are shown once. */
final class Session
{
    public function start(): void
    {
        session_start(['name' => 'slim', 'cookie_httponly' => true, 'cookie_samesite' => 'Lax']);
    }

    public function close(): void
    {
        if (session_status() === PHP_SESSION_ACTIVE) {
            session_write_close();
        }
    }

    public function get(string $key, mixed $default = null): mixed
    {
        return $_SESSION[$key] ?? $default;
    }

    public function set(string $key, mixed $value): void
    {
        $_SESSION[$key] = $value;
    }

    /** Another id, so that one who knew it before the login knows nothing. */
    public function renew(): void
    {
        session_regenerate_id(true);
    }

    public function clear(): void
    {
        $_SESSION = [];
        session_regenerate_id(true);
    }

    public function flash(string $message): void
    {
        $_SESSION['flash'][] = $message;
    }

    /** @return list<string> */
    public function takeFlash(): array
    {
        $messages = $_SESSION['flash'] ?? [];
        unset($_SESSION['flash']);
        return $messages;
    }

    public function token(): string
    {
        return $_SESSION['token'] ??= bin2hex(random_bytes(16));
    }
}
