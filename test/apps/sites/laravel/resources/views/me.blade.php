@extends('base')
@section('body')
<p>You are <b>{{ $user }}</b>.</p>
<form method="post" action="/logout">@csrf<input type="hidden" name="logout" value="1"><button>Log out</button></form>
@endsection
