@extends('base')
@section('body')
<h1>Something is broken</h1>
@endsection
