<?php
// The plugin "SQLite Database Integration" keeps everything in wp-content/database/.ht.sqlite.
define('DB_ENGINE', 'sqlite');
define('DB_NAME', 'wordpress');

// The address as visitors see it. A site that is reached by one name only has that name here.
define('WP_HOME', (empty($_SERVER['HTTPS']) ? 'http://' : 'https://') . $_SERVER['HTTP_HOST']);
define('WP_SITEURL', WP_HOME);

// Jobs are run by cron, and not behind the answers to visitors.
define('DISABLE_WP_CRON', true);

// Eight texts of your own: https://api.wordpress.org/secret-key/1.1/salt/
define('AUTH_KEY', 'put your unique phrase here');
define('SECURE_AUTH_KEY', 'put your unique phrase here');
define('LOGGED_IN_KEY', 'put your unique phrase here');
define('NONCE_KEY', 'put your unique phrase here');
define('AUTH_SALT', 'put your unique phrase here');
define('SECURE_AUTH_SALT', 'put your unique phrase here');
define('LOGGED_IN_SALT', 'put your unique phrase here');
define('NONCE_SALT', 'put your unique phrase here');

$table_prefix = 'wp_';
if (!defined('ABSPATH')) {
    define('ABSPATH', __DIR__ . '/');
}
require_once ABSPATH . 'wp-settings.php';
