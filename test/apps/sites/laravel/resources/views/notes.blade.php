@extends('base')
@section('body')
<ul>
@foreach ($notes as $note)
<li>{{ $note->title }}: {!! nl2br(e($note->text)) !!} <img src="/notes/{{ $note->id }}/picture"></li>
@endforeach
</ul>
@foreach ($errors->all() as $error)
<p class="error">{{ $error }}</p>
@endforeach
<form method="post" action="/notes" enctype="multipart/form-data">
@csrf
<input name="title" value="{{ request("title") }}"><textarea name="text">{{ request("text") }}</textarea><input type="file" name="picture"><button>Save</button>
</form>
@endsection
