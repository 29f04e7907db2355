@extends('base')
@section('body')
<h1>This form has expired</h1>
@endsection
