// Small scripts that tell what the command's options did.

import { writeFileSync } from "node:fs";
import { join } from "node:path";

const SCRIPTS: Readonly<Record<string, string>> = {
  "hello.php": "<?php echo 'hello ', $_GET['who'] ?? 'nobody';",
  "settings.php": `<?php echo json_encode([
    'memory_limit' => ini_get('memory_limit'),
    'precision' => ini_get('precision'),
    'from_env' => getenv('FROM_ENV'),
    'pid' => getmypid(),
    'outside' => is_readable('/etc/passwd'),
    'session' => session_save_path(),
    'tmp' => sys_get_temp_dir(),
  ]);`,
  "connect.php": `<?php
    $socket = @stream_socket_client('tcp://127.0.0.1:' . $_GET['port'], $code, $why, 3);
    echo $socket === false ? 'no network' : fgets($socket);`,
  "sleep.php": "<?php usleep((int) ($_GET['ms'] * 1000)); echo 'slept';",
  // One byte out at once, so that whoever asks knows that it runs.
  "begin.php": "<?php echo 'begun'; flush(); usleep((int) ($_GET['ms'] * 1000)); echo ' done';",
  "forever.php": "<?php while (true) { }",
  "notice.php": "<?php error_log('a line for the log'); echo 'logged';",
  "exit.php": "<?php echo 'bye'; exit(7);",
  "echo.php": `<?php
    header('X-Answer: yes');
    echo json_encode([
      'method' => $_SERVER['REQUEST_METHOD'], 'query' => $_GET, 'post' => $_POST,
      'body' => md5(file_get_contents('php://input')), 'length' => $_SERVER['CONTENT_LENGTH'] ?? '',
      'type' => $_SERVER['CONTENT_TYPE'] ?? '', 'agent' => $_SERVER['HTTP_USER_AGENT'] ?? '',
      'path' => $_SERVER['PATH_INFO'] ?? '', 'script' => $_SERVER['SCRIPT_NAME'],
      'root' => $_SERVER['DOCUMENT_ROOT'], 'extra' => $_SERVER['EXTRA'] ?? '',
    ], JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);`,
  "lines.php": '<?php for ($i = 0; $i < 100000; $i++) echo "line $i\\n";',
  "front.php": "<?php echo 'front ', $_SERVER['REQUEST_URI'];",
};

export function writeScripts(folder: string): void {
  for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(join(folder, name), text);
}
