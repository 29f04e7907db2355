@extends('base')
@section('body')
@if ($wrong)<p class="error">The password is wrong</p>@endif
<form method="post" action="/login">
@csrf
<input name="user"><input type="password" name="password"><button>Log in</button>
</form>
@endsection
