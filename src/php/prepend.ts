// The file that runs before every script: the functions php-fpm has and this SAPI lacks, and the settings that belong
// to one request only. Opcache keeps it compiled, so it costs a few microseconds.

/** Functions of php-fpm's SAPI (php-src sapi/fpm/fpm/fpm_main.c), and what is tidied up in $_SERVER. */
const PRELUDE = `<?php
function getallheaders(): array
{
    $headers = [];
    foreach ($_SERVER as $name => $value) {
        if (\\strncmp($name, 'HTTP_', 5) === 0) {
            $name = \\substr($name, 5);
        } elseif ($name !== 'CONTENT_TYPE' && $name !== 'CONTENT_LENGTH') {
            continue;
        }
        $headers[\\str_replace(' ', '-', \\ucwords(\\strtolower(\\str_replace('_', ' ', $name))))] = $value;
    }
    return $headers;
}

function apache_request_headers(): array
{
    return \\getallheaders();
}

function flush(): void
{
    \\post_message_to_js('edge-fpm:flush');
}

function fastcgi_finish_request(): bool
{
    while (\\ob_get_level() > 0 && @\\ob_end_flush());
    return \\post_message_to_js('edge-fpm:finish') === '1';
}

function fpm_get_status(): array|false
{
    $status = \\json_decode(\\post_message_to_js('edge-fpm:status'), true);
    return \\is_array($status) ? $status : false;
}

function gethostbyname(string $hostname): string
{
    return \\strlen($hostname) > 255 ? $hostname : (\\post_message_to_js("edge-fpm:resolve $hostname") ?: $hostname);
}

function gethostbynamel(string $hostname): array|false
{
    $address = \\strlen($hostname) > 255 ? '' : \\post_message_to_js("edge-fpm:resolve $hostname");
    return $address === '' ? false : [$address];
}

// The host takes this file off the list of included files when PHP looks at the clock.
\\hrtime(true);
foreach (\\explode(' ', $_SERVER['EDGE_FPM_UNSET'] ?? '') as $EDGE_FPM_NAME) {
    unset($_SERVER[$EDGE_FPM_NAME]);
}
unset($_SERVER['EDGE_FPM_UNSET']);
\\function_exists('putenv') && \\putenv('USE_ZEND_ALLOC');
if (!\\ini_get('register_argc_argv')) {
    unset($_SERVER['argv'], $_SERVER['argc']);
} elseif (isset($_SERVER['argv'])) {
    $_SERVER['argv'] = ($_SERVER['QUERY_STRING'] ?? '') === '' ? [] : \\explode('+', $_SERVER['QUERY_STRING']);
    $_SERVER['argc'] = \\count($_SERVER['argv']);
}
if (\\function_exists('putenv')) {
    foreach ($_SERVER as $EDGE_FPM_NAME => $EDGE_FPM_VALUE) {
        \\is_string($EDGE_FPM_VALUE) && \\putenv("$EDGE_FPM_NAME=$EDGE_FPM_VALUE");
    }
    unset($EDGE_FPM_NAME, $EDGE_FPM_VALUE);
}
if (isset($_SERVER['EDGE_FPM_INI'])) {
    foreach (\\explode("\\n", $_SERVER['EDGE_FPM_INI']) as $_) {
        \\ini_set(...\\explode('=', $_, 2));
    }
    unset($_SERVER['EDGE_FPM_INI'], $_);
}
`;

/** The prepended file for a pool whose own `auto_prepend_file` is `userFile` ("" for none). */
export function prependFile(userFile: string): string {
  return `${PRELUDE}
$EDGE_FPM_PREPEND = $_SERVER['EDGE_FPM_PREPEND'] ?? ${phpString(userFile)};
unset($_SERVER['EDGE_FPM_PREPEND']);
if ($EDGE_FPM_PREPEND === '') {
    unset($EDGE_FPM_PREPEND);
    return;
}
return require (static function (): string {
    $file = $GLOBALS['EDGE_FPM_PREPEND'];
    unset($GLOBALS['EDGE_FPM_PREPEND']);
    return $file;
})();
`;
}

function phpString(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
