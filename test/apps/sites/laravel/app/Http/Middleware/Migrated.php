<?php

declare(strict_types=1);

namespace App\Http\Middleware;

use Closure;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Artisan;
use Illuminate\Support\Facades\Cache;

/** Runs the migrations the first time that somebody needs the database, as there is nobody at a command line. */
final class Migrated
{
    public function handle(Request $request, Closure $next): mixed
    {
        if (!Cache::get('migrated')) {
            Cache::lock('migrate', 30)->block(30, static function (): void {
                if (Cache::get('migrated')) {
                    return;
                }
                $file = (string) config('database.connections.sqlite.database');
                is_file($file) || touch($file);
                Artisan::call('migrate', ['--force' => true]);
                Cache::forever('migrated', true);
            });
        }
        return $next($request);
    }
}
