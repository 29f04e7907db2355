<!doctype html>
<title>A form</title>
<form method="post">
  <label>Name <input name="name" value="<?= htmlspecialchars($_POST['name'] ?? '') ?>"></label>
  <label>Colour <input name="colour" value="<?= htmlspecialchars($_POST['colour'] ?? '') ?>"></label>
  <button>Send</button>
</form>
<?php if ($_SERVER['REQUEST_METHOD'] === 'POST'): ?>
<p>STDIN brought <?= $_SERVER['CONTENT_LENGTH'] ?> bytes:</p>
<pre><?= htmlspecialchars(file_get_contents('php://input')) ?></pre>
<pre><?= htmlspecialchars(print_r($_POST, true)) ?></pre>
<?php endif ?>
