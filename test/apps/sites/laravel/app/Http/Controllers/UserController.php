<?php

declare(strict_types=1);

namespace App\Http\Controllers;

use Illuminate\Http\RedirectResponse;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Illuminate\Routing\Controller;
use Illuminate\Support\Facades\Hash;

final class UserController extends Controller
{
    private const PASSWORD = '$2y$04$IYcfYJ1dnoCUEomGm.lmieJClDkXS0minBJs8RQapQysCKpI53H0u';

    public function form(): Response
    {
        return response()->view('login', ['wrong' => false]);
    }

    public function login(Request $request): Response|RedirectResponse
    {
        if (!Hash::check((string) $request->input('password'), self::PASSWORD)) {
            return response()->view('login', ['wrong' => true], 422);
        }
        $request->session()->regenerate();
        $request->session()->put('user', (string) $request->input('user'));
        return redirect('/me')->with('notice', 'You are logged in');
    }

    public function me(Request $request): Response|RedirectResponse
    {
        $user = $request->session()->get('user');
        return $user === null ? redirect('/login') : response()->view('me', ['user' => $user]);
    }

    public function logout(Request $request): RedirectResponse
    {
        $request->session()->invalidate();
        return redirect('/me');
    }
}
