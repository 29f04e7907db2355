@extends('base')
@section('body')
<h1>Hello</h1>
<p>You were here <b id="visits">{{ $visits }}</b> times.</p>
@endsection
