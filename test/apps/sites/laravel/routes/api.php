<?php

declare(strict_types=1);

use App\Http\Controllers\NoteController;
use Illuminate\Support\Facades\Route;

Route::get('/notes', [NoteController::class, 'list'])->middleware('migrated');
Route::post('/echo', [NoteController::class, 'repeat']);
