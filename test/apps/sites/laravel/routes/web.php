<?php

declare(strict_types=1);

use App\Http\Controllers\NoteController;
use App\Http\Controllers\PageController;
use App\Http\Controllers\UserController;
use Illuminate\Support\Facades\Route;

Route::get('/', [PageController::class, 'home']);
Route::get('/hello/{name}', [PageController::class, 'hello'])->name('hello');
Route::get('/number/{number}', [PageController::class, 'number'])->where('number', '[0-9]+');
Route::permanentRedirect('/old', '/hello/moved');
Route::get('/broken', [PageController::class, 'broken']);
// Sessions in files are not locked by Laravel unless a route asks for it.
Route::get('/count', [PageController::class, 'count'])->block(20, 20);
Route::get('/cached', [PageController::class, 'cached']);
Route::get('/forget', [PageController::class, 'forget']);
Route::get('/login', [UserController::class, 'form']);
Route::post('/login', [UserController::class, 'login']);
Route::get('/me', [UserController::class, 'me']);
Route::post('/logout', [UserController::class, 'logout']);
Route::middleware('migrated')->group(static function (): void {
    Route::get('/notes', [NoteController::class, 'index']);
    Route::post('/notes', [NoteController::class, 'store']);
    Route::get('/notes/{note}/picture', [NoteController::class, 'picture']);
});
