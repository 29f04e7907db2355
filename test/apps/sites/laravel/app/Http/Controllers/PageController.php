<?php

declare(strict_types=1);

namespace App\Http\Controllers;

use Illuminate\Contracts\View\View;
use Illuminate\Http\JsonResponse;
use Illuminate\Http\RedirectResponse;
use Illuminate\Http\Request;
use Illuminate\Routing\Controller;
use Illuminate\Support\Facades\Cache;
use RuntimeException;

final class PageController extends Controller
{
    public function home(Request $request): View
    {
        return view('home', ['visits' => $request->session()->increment('visits')]);
    }

    public function hello(string $name): View
    {
        return view('hello', ['name' => $name]);
    }

    public function number(string $number): string
    {
        return 'Twice is ' . 2 * (int) $number;
    }

    public function broken(): never
    {
        throw new RuntimeException('a secret of the server');
    }

    public function count(Request $request): JsonResponse
    {
        $count = $request->session()->get('count', 0) + 1;
        usleep(2000);
        $request->session()->put('count', $count);
        return response()->json(['count' => $count]);
    }

    public function cached(): JsonResponse
    {
        $value = Cache::remember('value', 3600, static fn(): string => bin2hex(random_bytes(8)));
        return response()->json(['value' => $value]);
    }

    public function forget(): RedirectResponse
    {
        Cache::forget('value');
        return redirect('/cached');
    }
}
