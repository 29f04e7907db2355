// What PHP's file functions answer, step by step: each step is a request of its own, so that another child may take it.
// The files are at `$d`; a step prints what it saw. Times are told as whether they are right.

export interface Step {
  readonly name: string;
  /** PHP; what it returns is told as JSON. */
  readonly code: string;
}

const step = (name: string, code: string): Step => ({ name, code });

export const STEPS: readonly Step[] = [
  step(
    "make",
    'return [mkdir($d), @mkdir($d), mkdir("$d/a/b/c", 0755, true), file_put_contents("$d/a/f", \'hello\')];',
  ),
  step(
    "stat",
    '$s = stat("$d/a/f"); return [$s[\'size\'], decoct($s[\'mode\']), abs($s[\'mtime\'] - time()) < 5, $s[\'nlink\'], is_file("$d/a/f"), is_dir("$d/a"), is_dir("$d/a/f"), filetype("$d/a"), is_writable("$d/a/f"), is_readable("$d/a/f"), is_executable("$d/a/f"), is_writable("$d/none"), @filesize("$d/none")];',
  ),
  step(
    "rename over a file",
    'file_put_contents("$d/a/g", \'other\'); return [rename("$d/a/g", "$d/a/f"), file_get_contents("$d/a/f"), file_exists("$d/a/g")];',
  ),
  step(
    "rename a folder",
    'return [rename("$d/a", "$d/z"), is_dir("$d/a"), scandir("$d/z"), @rename("$d/z", "$d/z/b/in"), @rename("$d/none", "$d/x")];',
  ),
  step("rename back", 'return [rename("$d/z", "$d/a"), file_get_contents("$d/a/f")];'),
  step(
    "rename onto folders",
    'mkdir("$d/e1"); mkdir("$d/e2"); touch("$d/e2/x"); return [@rename("$d/e1", "$d/e2"), rename("$d/e2", "$d/e1"), scandir("$d/e1"), @rename("$d/e1/x", "$d/a/b"), unlink("$d/e1/x"), rmdir("$d/e1")];',
  ),
  step(
    "unlink",
    'file_put_contents("$d/u", \'1\'); return [unlink("$d/u"), @unlink("$d/u"), @unlink("$d/a"), @rmdir("$d/a"), @rmdir("$d/a/f"), rmdir("$d/a/b/c"), rmdir("$d/a/b")];',
  ),
  step(
    "unlink while open",
    "file_put_contents(\"$d/o\", 'still here'); $f = fopen(\"$d/o\", 'r+'); unlink(\"$d/o\"); $r = fread($f, 5); fseek($f, 0, SEEK_END); fwrite($f, '!'); rewind($f); return [$r, stream_get_contents($f), file_exists(\"$d/o\"), fstat($f)['size']];",
  ),
  step(
    "modes of fopen",
    "$r = []; file_put_contents(\"$d/m\", 'abc'); foreach (['r', 'r+', 'w', 'w+', 'a', 'a+', 'x', 'x+', 'c', 'c+'] as $m) { $f = @fopen(\"$d/m\", $m); $r[$m] = $f === false ? false : [ftell($f), @fread($f, 10), @fwrite($f, 'X'), ftell($f)]; if ($f) fclose($f); $r[\"$m after\"] = file_get_contents(\"$d/m\"); } return $r;",
  ),
  step(
    "x makes",
    '$f = fopen("$d/new", \'x\'); fwrite($f, \'n\'); fclose($f); return [file_get_contents("$d/new"), @fopen("$d/new", \'x\'), unlink("$d/new")];',
  ),
  step(
    "append and truncate",
    'file_put_contents("$d/t", \'0123456789\'); file_put_contents("$d/t", \'ab\', FILE_APPEND | LOCK_EX); $f = fopen("$d/t", \'r+\'); $r = [ftruncate($f, 4)]; fseek($f, 8); fwrite($f, \'end\'); fclose($f); clearstatcache(); return [$r, bin2hex(file_get_contents("$d/t")), filesize("$d/t")];',
  ),
  step("seen again", 'return [bin2hex(file_get_contents("$d/t")), filesize("$d/t")];'),
  step(
    "beyond the end",
    "$f = fopen(\"$d/s\", 'w+'); fseek($f, 100000); fwrite($f, 'x'); fflush($f); rewind($f); $z = fread($f, 10); return [fstat($f)['size'], bin2hex($z), fseek($f, -1), feof($f), ftruncate($f, 200000), fstat($f)['size']];",
  ),
  step(
    "stat cache",
    'file_put_contents("$d/c", \'1\'); $a = filesize("$d/c"); file_put_contents("$d/c", \'123\'); $b = filesize("$d/c"); clearstatcache(); return [$a, $b, filesize("$d/c")];',
  ),
  step(
    "touch",
    'return [touch("$d/c", 1000000000), filemtime("$d/c"), touch("$d/fresh"), filesize("$d/fresh"), abs(filemtime("$d/fresh") - time()) < 5];',
  ),
  step("touched", 'return [filemtime("$d/c"), file_get_contents("$d/c")];'),
  step(
    "a folder's time",
    'touch("$d/a", 1000000000); clearstatcache(); $b = filemtime("$d/a"); touch("$d/a/child"); clearstatcache(); return [$b, abs(filemtime("$d/a") - time()) < 5];',
  ),
  step(
    "modes",
    'return [chmod("$d/c", 0640), decoct(fileperms("$d/c")), umask(), mkdir("$d/p", 0700), decoct(fileperms("$d/p"))];',
  ),
  step(
    "links",
    'return [symlink(\'c\', "$d/l"), readlink("$d/l"), is_link("$d/l"), file_get_contents("$d/l"), realpath("$d/l") === realpath("$d/c"), symlink(\'nowhere\', "$d/broken"), file_exists("$d/broken"), is_link("$d/broken"), lstat("$d/l")[\'size\'], @readlink("$d/c"), realpath("$d/none")];',
  ),
  step(
    "links seen",
    'return [file_get_contents("$d/l"), file_put_contents("$d/l", \'through\'), file_get_contents("$d/c"), unlink("$d/l"), file_exists("$d/c"), unlink("$d/broken")];',
  ),
  step(
    "a link to a folder",
    'return [symlink(\'a\', "$d/la"), scandir("$d/la"), file_get_contents("$d/la/f"), @rmdir("$d/la"), unlink("$d/la"), is_dir("$d/a")];',
  ),
  step(
    "ends of paths",
    'file_put_contents("$d/ef", "f"); mkdir("$d/ed/in", 0755, true); symlink("ed", "$d/el"); symlink("ef", "$d/efl"); return [is_file("$d/ef/"), file_exists("$d/ef/."), is_dir("$d/ed/."), is_dir("$d/el/"), is_file("$d/efl/"), is_link("$d/el/"), is_link("$d/el"), filetype("$d/el/"), @filesize("$d/ef/"), is_writable("$d/ef/"), @readlink("$d/el/"), readlink("$d/el"), @touch("$d/ef/"), @chmod("$d/ef/", 0600), @fopen("$d/ef/", "r"), @mkdir("$d/ed/."), is_dir("/."), is_dir("/"), is_dir("."), is_dir("./"), is_dir(".."), scandir("$d/ed/"), scandir("$d/el/.")];',
  ),
  step(
    "ways up",
    'return [is_file("$d/ef/../ef"), is_dir("$d/ef/.."), is_file("$d/ed/../ef"), is_file("$d/el/../ef"), is_file("$d/efl/../ef"), is_file("$d/none/../ef"), @mkdir("$d/ef/../new"), @rename("$d/ef/../ef", "$d/ex"), is_file("$d/ed/in/../../ef"), is_file("$d/ed/..//ef/../ef"), chdir("$d/ed"), is_file("../ef"), is_file("../ef/../ef"), is_file("in/../../ef"), is_dir("/..")];',
  ),
  step(
    "ends of paths that are removed, renamed, made",
    '$r = []; set_error_handler(function ($n, $m) use (&$r, $d) { $r[] = str_replace([$d, "Device or resource"], ["", "Resource"], $m); return true; }); $r[] = [rmdir("$d/ed/in/."), rmdir("$d/ed/in/.."), rmdir("$d/ed/."), rmdir("$d/el/"), unlink("$d/el/"), unlink("$d/ef/"), unlink("$d/ed/."), unlink("$d/ed/"), rename("$d/ed/.", "$d/ex"), rename("$d/ed", "$d/ed/in/.."), rename("$d/ef/", "$d/ex"), rename("$d/ef", "$d/ex/"), symlink("x", "$d/ex/"), symlink("x", "$d/ef/"), rename("$d/ed/in/", "$d/ed/out/"), rmdir("$d/ed/out/"), mkdir("$d/ed/new/"), scandir("$d/ed"), rmdir("$d/ed/new"), unlink("$d/el"), unlink("$d/efl"), unlink("$d/ef"), rmdir("$d/ed")]; return $r;',
  ),
  step(
    "a circle",
    'symlink(\'y\', "$d/x"); symlink(\'x\', "$d/y"); return [file_exists("$d/x"), @file_get_contents("$d/x"), unlink("$d/x"), unlink("$d/y")];',
  ),
  step(
    "listing",
    "foreach (['10', '9', 'B', 'a.txt', '.hidden', 'é.txt', 'sp ace'] as $n) touch(\"$d/p/$n\"); return [scandir(\"$d/p\"), scandir(\"$d/p\", SCANDIR_SORT_DESCENDING), array_map('basename', glob(\"$d/p/*.txt\")), count(glob(\"$d/p/*\")), @scandir(\"$d/none\")];",
  ),
  step(
    "iterators",
    "$n = []; foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($d, FilesystemIterator::SKIP_DOTS), RecursiveIteratorIterator::SELF_FIRST) as $f) $n[] = substr($f->getPathname(), strlen($d)) . ($f->isDir() ? '/' : ''); sort($n); return $n;",
  ),
  step(
    "temporary files",
    "$t = tempnam($d, 'pre'); $f = tmpfile(); fwrite($f, 'tmp'); rewind($f); $m = stream_get_meta_data($f)['uri']; $r = [str_starts_with(basename($t), 'pre'), decoct(fileperms($t)), filesize($t), unlink($t), fread($f, 9), file_exists($m)]; fclose($f); clearstatcache(); return [$r, file_exists($m)];",
  ),
  step(
    "php://temp that spills",
    "$f = fopen('php://temp/maxmemory:1000', 'w+'); fwrite($f, str_repeat('x', 50000)); rewind($f); return [strlen(stream_get_contents($f)), ftruncate($f, 10), fstat($f)['size']];",
  ),
  step(
    "flock",
    "$a = fopen(\"$d/k\", 'c'); $b = fopen(\"$d/k\", 'c'); $r = [flock($a, LOCK_SH), flock($b, LOCK_SH | LOCK_NB), flock($b, LOCK_EX | LOCK_NB, $w), $w, flock($b, LOCK_UN), flock($a, LOCK_EX), flock($b, LOCK_SH | LOCK_NB, $w), $w]; fclose($a); return [$r, flock($b, LOCK_EX | LOCK_NB)];",
  ),
  step(
    "flock, changed in vain",
    '$a = fopen("$d/k2", \'c\'); $b = fopen("$d/k2", \'c\'); return [flock($a, LOCK_SH), flock($b, LOCK_SH), flock($a, LOCK_EX | LOCK_NB, $w), $w, flock($b, LOCK_EX | LOCK_NB, $w), $w, flock($a, LOCK_SH | LOCK_NB), unlink("$d/k2")];',
  ),
  step(
    "a key and a request for a certificate",
    '$k = openssl_pkey_new(); $c = openssl_csr_new(["commonName" => "a"], $k); return [openssl_pkey_export_to_file($k, "$d/key"), strlen(file_get_contents("$d/key")) > 1000, openssl_csr_get_subject($c), openssl_x509_parse(openssl_csr_sign($c, null, $k, 1))["extensions"]["basicConstraints"], unlink("$d/key")];',
  ),
  step(
    "copy",
    'return [copy("$d/t", "$d/t2"), md5_file("$d/t2") === md5_file("$d/t"), file_put_contents("$d/lines", "a\\nb\\n\\nc"), file("$d/lines", FILE_IGNORE_NEW_LINES | FILE_SKIP_EMPTY_LINES), disk_free_space($d) > 1e6];',
  ),
  step(
    "SplFileObject",
    "$f = new SplFileObject(\"$d/csv\", 'w+'); $f->fputcsv(['a', 'b c', '\"'], ',', '\"', ''); $f->rewind(); $f->seek(0); return [$f->getSize() > 0, $f->current(), $f->flock(LOCK_EX), $f->ftruncate(0), $f->fstat()['size']];",
  ),
  step("a script is written", 'return [file_put_contents("$d/inc.php", \'<?php return 1;\'), include "$d/inc.php"];'),
  step("and again at once", 'file_put_contents("$d/inc.php", \'<?php return 2;\'); return include "$d/inc.php";'),
  step("and seen", 'return include "$d/inc.php";'),
  step(
    "a template is compiled anew",
    '$t = "$d/tpl." . uniqid(); file_put_contents($t, \'<?php return 3;\'); rename($t, "$d/inc.php"); return include "$d/inc.php";',
  ),
  step("and seen too", 'return include "$d/inc.php";'),
  step(
    "with opcache told",
    'file_put_contents("$d/inc.php", \'<?php return 4;\'); opcache_invalidate("$d/inc.php", true); return include "$d/inc.php";',
  ),
  step("seen by all", 'return include "$d/inc.php";'),
  step("gone", 'unlink("$d/inc.php"); return @include "$d/inc.php";'),
  step("still gone", 'return [@include "$d/inc.php", file_exists("$d/inc.php")];'),
  step(
    "errors in words",
    '$r = []; set_error_handler(function ($n, $m) use (&$r, $d) { $r[] = str_replace($d, \'\', $m); return true; }); fopen("$d/none/x", \'w\'); file_get_contents("$d/none"); mkdir("$d/a"); rmdir("$d"); unlink("$d/none"); rename("$d/none", "$d/b"); opendir("$d/c"); symlink(\'x\', "$d/a"); copy("$d/none", "$d/b"); file_put_contents("$d/a", \'x\'); touch("$d/none/x"); return $r;',
  ),
  step(
    "all is removed",
    "$i = new RecursiveIteratorIterator(new RecursiveDirectoryIterator($d, FilesystemIterator::SKIP_DOTS), RecursiveIteratorIterator::CHILD_FIRST); foreach ($i as $f) $f->isDir() && !$f->isLink() ? rmdir($f->getPathname()) : unlink($f->getPathname()); return [rmdir($d), file_exists($d)];",
  ),
  step("nothing is left", "return file_exists($d);"),
];

/** One script for all steps: `?n=` is the step's number. */
export function stepsScript(): string {
  const cases = STEPS.map(({ code }, n) => `${n} => function () use ($d) { ${code} },`).join("\n");
  return `<?php $d = __DIR__ . '/steps'; clearstatcache(); $steps = [${cases}];
    echo json_encode($steps[(int) $_GET['n']](), JSON_INVALID_UTF8_SUBSTITUTE);`;
}
