<?php
// Plugin Name: Forget cached pages
// Description: Tells edge-fpm to forget all pages when something on them may have changed. Belongs in wp-content/mu-plugins.

function forget_cached_pages(): void
{
    static $told = false;
    if (!$told) {
        $told = true;
        wp_remote_request(home_url('/*'), ['method' => 'PURGE', 'timeout' => 3]);
    }
}

// Once, behind everything else that the request does.
$later = fn() => add_action('shutdown', 'forget_cached_pages');
foreach (['save_post', 'deleted_post', 'wp_insert_comment', 'transition_comment_status', 'switch_theme', 'wp_update_nav_menu'] as $event) {
    add_action($event, $later);
}
