<?php
// The guestbook: shows the entries, takes new ones, deletes one's own.
// Every POST ends in a redirect, so that reloading a page never sends a form twice.

declare(strict_types=1);

$started = hrtime(true);

require __DIR__ . '/lib/database.php';
require __DIR__ . '/lib/entries.php';
require __DIR__ . '/lib/page.php';
require __DIR__ . '/lib/picture.php';
require __DIR__ . '/lib/session.php';

const NAME_LENGTH = 60;
const MESSAGE_LENGTH = 1000;
const ENTRIES_PER_PAGE = 20;

header('Content-Type: text/html; charset=utf-8');
header("Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
header('X-Content-Type-Options: nosniff');
header('Referrer-Policy: same-origin');

begin_session();

if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    handle_post();
    header('Location: ./', true, 303);
    exit;
}

if (!in_array($_SERVER['REQUEST_METHOD'], ['GET', 'HEAD'], true)) {
    http_response_code(405);
    header('Allow: GET, HEAD, POST');
    exit;
}

$visits = count_visit();
$before = filter_var($_GET['before'] ?? null, FILTER_VALIDATE_INT, ['options' => ['min_range' => 1]]) ?: null;
$db = open_database();
render_page([
    'entries' => list_entries($db, ENTRIES_PER_PAGE, $before),
    'total' => count_entries($db),
    'flashes' => take_flashes(),
    'draft' => take_draft(),
    'token' => csrf_token(),
    'owner' => owner_key(),
    'visits' => $visits,
    'started' => $started,
]);

/** Carries out what a form asks for, and leaves a message for the next page. */
function handle_post(): void
{
    // PHP drops a body over post_max_size: then there is no form at all, and no token either.
    if ($_POST === [] && (int) ($_SERVER['CONTENT_LENGTH'] ?? 0) > 0) {
        flash('error', 'That was too much at once. A picture may have ' . format_bytes(picture_limit()) . '.');
        return;
    }
    if (!csrf_token_matches((string) ($_POST['token'] ?? ''))) {
        flash('error', 'This form had expired. Please try again.');
        keep_draft(field('name'), field('message'));
        return;
    }
    match (field('action')) {
        'sign' => sign(),
        'delete' => delete(),
        'forget' => forget(),
        default => flash('error', 'Nothing was done: the form is unknown.'),
    };
}

function sign(): void
{
    $name = preg_replace('/\s+/u', ' ', field('name')) ?? '';
    $message = str_replace("\r\n", "\n", field('message'));
    $errors = [
        ...check_text('Your name', $name, NAME_LENGTH),
        ...check_text('Your message', $message, MESSAGE_LENGTH),
    ];
    $picture = null;
    try {
        $picture = read_uploaded_picture($_FILES['picture'] ?? null);
    } catch (PictureRefused $refused) {
        $errors[] = $refused->getMessage();
    }
    if ($errors !== []) {
        keep_draft($name, $message);
        foreach ($errors as $error) {
            flash('error', $error);
        }
        return;
    }
    add_entry(open_database(), $name, $message, owner_key(), $picture);
    remember_name($name);
    flash('success', "Thank you, $name. Your entry is in the book.");
}

function delete(): void
{
    $deleted = delete_entry(open_database(), (int) field('id'), owner_key());
    $deleted ? flash('success', 'Your entry is gone.') : flash('error', 'Only the one who wrote an entry can delete it.');
}

function forget(): void
{
    remember_name('');
    flash('success', 'Your name is forgotten.');
}

/** A form field as trimmed text; empty when it is absent or a list. */
function field(string $name): string
{
    $value = $_POST[$name] ?? '';
    return is_string($value) ? trim($value) : '';
}

/** @return list<string> what is wrong with a text, for its writer to read */
function check_text(string $label, string $text, int $limit): array
{
    if ($text === '') {
        return ["$label is missing."];
    }
    $length = text_length($text);
    if ($length === null) {
        return ["$label is not valid UTF-8."];
    }
    return $length > $limit ? ["$label has $length characters; $limit are possible."] : [];
}

/** Characters in a text, or null when it is not UTF-8. */
function text_length(string $text): ?int
{
    $length = preg_match_all('/./us', $text);
    return $length === false ? null : $length;
}
