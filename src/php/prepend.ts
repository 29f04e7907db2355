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

function fastcgi_finish_request(): bool
{
    while (\\ob_get_level() > 0 && @\\ob_end_flush());
    \\flush();
    return \\post_message_to_js('edge-fpm:finish') === '1';
}

function fpm_get_status(): array|false
{
    $status = \\json_decode(\\post_message_to_js('edge-fpm:status'), true);
    return \\is_array($status) ? $status : false;
}

unset($_SERVER['USE_ZEND_ALLOC']);
if (!\\ini_get('register_argc_argv')) {
    unset($_SERVER['argv'], $_SERVER['argc']);
}
`;

/** The prepended file for a pool whose own `auto_prepend_file` is `userFile` ("" for none). */
export function prependFile(userFile: string): string {
  return userFile === "" ? PRELUDE : `${PRELUDE}require ${phpString(userFile)};\n`;
}

function phpString(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
