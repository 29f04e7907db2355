// Asks PHP's file functions about paths that are no UTF-8, next to files that a lax reading of them would mean. It prints as
// JSON what went wrong: nothing, wherever it runs.

/** PHP without its opening tag; `$tops` are the folders to try in. */
export const ENCODING_SCRIPT = String.raw`
$wrong = [];
$bad = ['C0 AF' => "\xc0\xaf", 'C0 AE' => "\xc0\xae", 'C1 9C' => "\xc1\x9c", 'E0 80 AF' => "\xe0\x80\xaf", 'F0 80 80 AF' => "\xf0\x80\x80\xaf",
  'F8' => "\xf8\x80\x80\x80\xaf", 'lone' => "\xaf", 'cut' => "\xe6\xbc", 'cut in four' => "\xf0\x9f\x98", 'surrogate' => "\xed\xa0\x80",
  'too large' => "\xf4\x90\x80\x80", 'latin1' => "\xe4"];
$state = function (string $top) use (&$state): array {
  $all = [];
  foreach (array_diff(scandir($top), ['.', '..']) as $name) {
    $path = "$top/$name";
    clearstatcache();
    $all[$name] = is_link($path) ? readlink($path) : (is_dir($path) ? $state($path) : [file_get_contents($path), filemtime($path), fileperms($path)]);
  }
  return $all;
};
$remove = function (string $top) use (&$remove): void {
  foreach (array_diff(scandir($top), ['.', '..']) as $name) is_dir("$top/$name") && !is_link("$top/$name") ? $remove("$top/$name") : unlink("$top/$name");
  rmdir($top);
};
foreach ($tops as $top) {
  $here = "$top/u";
  mkdir($here, 0777, true);
  $calls = [
    'open' => fn ($p) => @fopen($p, 'r'), 'create' => fn ($p) => @fopen($p, 'w'), 'append' => fn ($p) => @fopen($p, 'a'),
    'put' => fn ($p) => @file_put_contents($p, 'put'), 'get' => fn ($p) => @file_get_contents($p),
    'stat' => fn ($p) => @stat($p), 'lstat' => fn ($p) => @lstat($p), 'is_file' => 'is_file', 'is_dir' => 'is_dir', 'is_link' => 'is_link',
    'file_exists' => 'file_exists', 'is_readable' => 'is_readable', 'is_writable' => 'is_writable', 'is_executable' => 'is_executable',
    'filemtime' => fn ($p) => @filemtime($p), 'fileperms' => fn ($p) => @fileperms($p),
    'realpath' => 'realpath', 'unlink' => fn ($p) => @unlink($p), 'rename' => fn ($p) => @rename($p, "$here/stolen"),
    'rename to' => fn ($p) => @rename("$here/mine", $p), 'copy' => fn ($p) => @copy($p, "$here/stolen"), 'copy to' => fn ($p) => @copy("$here/mine", $p),
    'mkdir' => fn ($p) => @mkdir($p), 'mkdir below' => fn ($p) => @mkdir("$p/a/b", 0777, true), 'rmdir' => fn ($p) => @rmdir($p),
    'symlink' => fn ($p) => @symlink('mine', $p), 'symlink to' => fn ($p) => @symlink($p, "$here/stolen"), 'readlink' => fn ($p) => @readlink($p),
    'opendir' => fn ($p) => @opendir($p), 'scandir' => fn ($p) => @scandir($p), 'touch' => fn ($p) => @touch($p, 5), 'chmod' => fn ($p) => @chmod($p, 0),
    'chdir' => fn ($p) => @chdir($p), 'include' => fn ($p) => @include $p,
    'sqlite' => function ($p) { try { new PDO("sqlite:$p"); return true; } catch (PDOException) { return false; } },
  ];
  // What the paths could be taken for.
  foreach (['s', 'name-longer-than-16', "u/\u{fffd}.txt", "u/\u{fffd}", "u/\u{fffd}\u{fffd}.txt", "u/x", 'u/.txt', 'u/xt', 'u/mine', "u/\u{e4}.txt"] as $name) file_put_contents("$top/$name", 'kept');
  mkdir("$top/d");
  symlink('s', "$top/l");
  $before = $state($top);
  foreach ($bad as $what => $bytes) {
    $names = ["..{$bytes}s", "..{$bytes}d", "..{$bytes}l", "..{$bytes}name-longer-than-16", "{$bytes}.txt", $bytes, "x$bytes", "{$bytes}{$bytes}/s", "$bytes./s", "a-longer-name-to-begin-with-{$bytes}.txt"];
    foreach ($names as $name) {
      foreach ([$name, "$here/$name", "./$name", "../u/$name", "file://$here/$name"] as $path) {
        foreach ($calls as $call => $run) {
          chdir($here);
          clearstatcache(true);
          $answer = $run($path);
          if (is_resource($answer)) fclose($answer);
          if ($answer !== false) $wrong[] = [$call, $what, bin2hex($path), 'gave', is_scalar($answer) ? $answer : 'something'];
          if (getcwd() !== $here) $wrong[] = [$call, $what, bin2hex($path), 'went', getcwd()];
        }
      }
    }
    if ($state($top) !== $before) { $wrong[] = [$what, 'changed', array_keys($state($top)), array_keys($state($here))]; break; }
  }
  // Names without a text of their own are errors that scripts can read.
  error_clear_last();
  @file_put_contents("$here/\xe4.txt", 'A');
  if (!str_contains(error_get_last()['message'], 'Illegal byte sequence')) $wrong[] = error_get_last();

  foreach (["\u{e9}", "\u{6f22}\u{5b57}", "\u{1f600}", "\u{e9}\u{6f22}\u{1f600} and more than sixteen bytes", "\u{d7ff}\u{e000}\u{10ffff}\u{80}\u{800}\u{10000}", "\u{fffd}\u{fffd}\u{fffd}", "x\u{feff}"] as $name) {
    foreach ([$name, "$here/$name"] as $path) {
      chdir($here);
      $seen = [file_put_contents($path, $name), file_get_contents($path), is_file($path), stat($path)['size'], in_array($name, scandir($here), true), rename($path, "$path-"),
        file_exists($path), chmod("$path-", 0600), touch("$path-", 7), filemtime("$path-"), unlink("$path-"), mkdir($path), chdir($path), basename(getcwd()) === $name,
        chdir('..'), is_array(scandir($path)), rmdir($path), symlink($name, "$path-"), readlink("$path-") === $name, unlink("$path-")];
      $length = strlen($name);
      if ($seen !== [$length, $name, true, $length, true, true, false, true, true, 7, true, true, true, true, true, true, true, true, true, true]) $wrong[] = [$name, $path, $seen];
    }
  }
  // A byte order mark is part of a name, too.
  $name = 'a name of more than sixteen bytes';
  file_put_contents("$here/$name", 'without');
  file_put_contents("$here/\u{feff}$name", 'with');
  chdir($here);
  $seen = [file_get_contents("$here/$name"), file_get_contents("$here/\u{feff}$name"), is_file("\u{feff}$name"), @unlink("\u{feff}$name"), is_file($name)];
  if ($seen !== ['without', 'with', false, false, true]) $wrong[] = ['byte order mark', $seen];
  foreach (['is_file', 'file_exists', 'is_dir'] as $call) if ($call("$here/mine\0.txt") !== false) $wrong[] = [$call, 'zero byte'];
  foreach (['file_get_contents', 'unlink', 'mkdir', 'opendir', 'touch'] as $call) {
    try { $call("$here/mine\0.txt"); $wrong[] = [$call, 'zero byte']; } catch (ValueError) {}
  }
  if (file_get_contents("$here/mine") !== 'kept') $wrong[] = 'zero byte';
  chdir('/');
  $remove($top);
}
echo json_encode([count($wrong), array_slice($wrong, 0, 12)], JSON_INVALID_UTF8_SUBSTITUTE);
`;

/** What it prints when nothing is wrong. */
export const ALL_RIGHT = "[0,[]]";
