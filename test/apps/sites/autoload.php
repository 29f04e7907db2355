<?php
// Stands where Composer would have put its own: classes are found below vendor/ by name, App\ below src/ or app/.

declare(strict_types=1);

spl_autoload_register(static function (string $class): void {
    static $own = null;
    $own ??= dirname(__DIR__) . (is_dir(dirname(__DIR__) . '/app') ? '/app/' : '/src/');
    $path = strtr($class, '\\', '/') . '.php';
    $places = match (true) {
        str_starts_with($class, 'App\\') => [$own . substr($path, 4)],
        str_starts_with($class, 'Illuminate\\Support\\') => [
            __DIR__ . '/' . $path,
            __DIR__ . '/Illuminate/Collections/' . substr($path, 19),
            __DIR__ . '/Illuminate/Macroable/' . substr($path, 19),
        ],
        default => [__DIR__ . '/' . $path],
    };
    foreach ($places as $place) {
        if (is_file($place)) {
            require $place;
            return;
        }
    }
});

foreach (require __DIR__ . '/files.php' as $file) {
    require __DIR__ . '/' . $file;
}
