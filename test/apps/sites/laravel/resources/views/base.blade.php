<!doctype html>
<title>@yield('title', 'A small application')</title>
<link rel="stylesheet" href="/style.css">
@if (session('notice'))
<p class="flash">{{ session('notice') }}</p>
@endif
@yield('body')
