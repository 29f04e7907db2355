<?php
// The page's HTML. Everything a visitor wrote goes through e().

declare(strict_types=1);

function e(string|int $text): string
{
    return htmlspecialchars((string) $text, ENT_QUOTES | ENT_SUBSTITUTE | ENT_HTML5, 'UTF-8');
}

/** @param array<string, mixed> $page see index.php */
function render_page(array $page): void
{
    $draft = $page['draft'];
    $last = $page['entries'][array_key_last($page['entries']) ?? 0] ?? null;
    ?>
<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title>Guestbook</title>
  <link rel="icon" href="icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="style.css">
</head>
<body>
<a class="skip" href="#entries">Skip to the entries</a>
<header class="top">
  <h1>Guestbook</h1>
  <p>Leave a line, and a picture if you like.</p>
</header>
<main>
<?php foreach ($page['flashes'] as $flash): ?>
  <p class="flash <?= e($flash['kind']) ?>" role="<?= $flash['kind'] === 'error' ? 'alert' : 'status' ?>"><?= e($flash['text']) ?></p>
<?php endforeach ?>

  <section class="card" aria-labelledby="sign">
    <h2 id="sign">Sign the book</h2>
    <form method="post" action="./" enctype="multipart/form-data">
      <input type="hidden" name="token" value="<?= e($page['token']) ?>">
      <label for="name">Name</label>
      <input id="name" name="name" required maxlength="<?= NAME_LENGTH ?>" autocomplete="name" value="<?= e($draft['name']) ?>">
      <label for="message">Message</label>
      <textarea id="message" name="message" required maxlength="<?= MESSAGE_LENGTH ?>" rows="4"><?= e($draft['message']) ?></textarea>
      <label for="picture">Picture <span class="hint">optional; JPEG, PNG, GIF or WebP, up to <?= e(format_bytes(picture_limit())) ?></span></label>
      <input id="picture" name="picture" type="file" accept="<?= e(implode(',', PICTURE_TYPES)) ?>">
      <div class="actions">
        <button name="action" value="sign">Sign</button>
<?php if ($draft['name'] !== ''): ?>
        <button class="quiet" name="action" value="forget" formnovalidate>Forget my name</button>
<?php endif ?>
      </div>
    </form>
  </section>

  <section aria-labelledby="entries">
    <h2 id="entries" tabindex="-1"><?= $page['total'] === 1 ? 'One entry' : e($page['total']) . ' entries' ?></h2>
<?php if ($page['entries'] === []): ?>
    <p class="card empty">Nothing here yet. The first line is yours.</p>
<?php endif ?>
<?php foreach ($page['entries'] as $entry) {
    render_entry($entry, $entry['owner'] === $page['owner'], $page['token']);
} ?>
<?php if ($last !== null && count($page['entries']) === ENTRIES_PER_PAGE): ?>
    <p><a href="?before=<?= e($last['id']) ?>">Older entries</a></p>
<?php endif ?>
  </section>
</main>
<footer>
  <p>You have opened this page <?= $page['visits'] === 1 ? 'once' : e($page['visits']) . ' times' ?>.</p>
  <p>PHP <?= e(PHP_VERSION) ?> as <?= e(PHP_SAPI) ?>, child <?= e($_SERVER['EDGE_FPM_CHILD'] ?? getmypid()) ?>,
    <?= e(number_format((hrtime(true) - $page['started']) / 1e6, 1)) ?> ms</p>
</footer>
</body>
</html>
    <?php
}

/** @param array<string, mixed> $entry a row of list_entries() */
function render_entry(array $entry, bool $own, string $token): void
{
    $id = e($entry['id']);
    ?>
    <article class="card entry" id="entry-<?= $id ?>">
      <header>
        <h3><?= e($entry['name']) ?></h3>
        <time datetime="<?= gmdate('c', $entry['written_at']) ?>"><?= gmdate('j F Y, H:i', $entry['written_at']) ?> UTC</time>
      </header>
      <p><?= nl2br(e($entry['message']), false) ?></p>
<?php if ($entry['width'] !== null): ?>
      <img src="picture.php?id=<?= $id ?>" alt="Picture by <?= e($entry['name']) ?>" width="<?= e($entry['width']) ?>" height="<?= e($entry['height']) ?>" loading="lazy">
<?php endif ?>
<?php if ($own): ?>
      <details>
        <summary>Delete</summary>
        <form method="post" action="./">
          <input type="hidden" name="token" value="<?= e($token) ?>">
          <input type="hidden" name="id" value="<?= $id ?>">
          <button class="danger" name="action" value="delete">Delete this entry for good</button>
        </form>
      </details>
<?php endif ?>
    </article>
    <?php
}
