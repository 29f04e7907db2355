<?php

$stored = null;
$file = $_FILES['file'] ?? null;
if ($file !== null && $file['error'] === UPLOAD_ERR_OK) {
    @mkdir(__DIR__ . '/uploads');
    $stored = 'uploads/' . preg_replace('/[^\w.-]/', '_', $file['name']);
    move_uploaded_file($file['tmp_name'], __DIR__ . '/' . $stored);
}
?>
<!doctype html>
<title>An upload</title>
<form method="post" enctype="multipart/form-data">
  <input type="file" name="file">
  <button>Upload</button>
</form>
<?php if ($stored !== null): ?>
<p>Stored <?= filesize(__DIR__ . '/' . $stored) ?> bytes: <a href="<?= htmlspecialchars($stored) ?>"><?= htmlspecialchars($stored) ?></a></p>
<?php endif ?>
