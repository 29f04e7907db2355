<?php

declare(strict_types=1);

namespace App\Http\Controllers;

use App\Jobs\SeeNote;
use App\Models\Note;
use Illuminate\Http\JsonResponse;
use Illuminate\Http\RedirectResponse;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Illuminate\Routing\Controller;
use Illuminate\Support\Facades\Validator;
use Symfony\Component\HttpFoundation\BinaryFileResponse;

final class NoteController extends Controller
{
    public function index(): Response
    {
        return response()->view('notes', ['notes' => Note::query()->orderBy('id')->get()]);
    }

    public function store(Request $request): Response|RedirectResponse
    {
        $rules = ['title' => 'required|string|min:3|max:100', 'text' => 'nullable|string', 'picture' => 'nullable|file|mimes:png'];
        $validator = Validator::make($request->all(), $rules, [
            'title.min' => 'The title is too short',
            'picture.mimes' => 'The picture is no picture',
        ]);
        if ($validator->fails()) {
            $notes = Note::query()->orderBy('id')->get();
            return response()->view('notes', ['notes' => $notes, 'errors' => $validator->errors()], 422);
        }
        $note = Note::query()->create([
            'title' => $request->input('title'),
            'text' => (string) $request->input('text'),
            'picture' => $request->file('picture')?->store('pictures'),
        ]);
        SeeNote::dispatch($note);
        return redirect('/notes', 303)->with('notice', "Saved: $note->title");
    }

    public function picture(Note $note): BinaryFileResponse
    {
        abort_if($note->picture === null, 404);
        return response()->file(storage_path("app/$note->picture"));
    }

    public function list(): JsonResponse
    {
        return response()->json(Note::query()->where('seen', true)->orderBy('id')->pluck('title'));
    }

    public function repeat(Request $request): JsonResponse
    {
        return response()->json(['got' => $request->json()->all()], 201);
    }
}
