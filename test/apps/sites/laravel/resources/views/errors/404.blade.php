@extends('base')
@section('body')
<h1>There is no such page</h1>
@endsection
