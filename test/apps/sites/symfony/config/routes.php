<?php

declare(strict_types=1);

use App\Controller\ApiController;
use App\Controller\NoteController;
use App\Controller\PageController;
use App\Controller\UserController;
use Symfony\Bundle\FrameworkBundle\Controller\RedirectController;
use Symfony\Component\Routing\Loader\Configurator\RoutingConfigurator;

return static function (RoutingConfigurator $routes): void {
    $routes->add('home', '/')->controller([PageController::class, 'home'])->methods(['GET']);
    $routes->add('hello', '/hello/{name}')->controller([PageController::class, 'hello'])->methods(['GET']);
    $routes->add('number', '/number/{number<\d+>}')->controller([PageController::class, 'number']);
    $routes->add('old', '/old')->controller([RedirectController::class, 'redirectAction'])
        ->defaults(['route' => 'hello', 'name' => 'moved', 'permanent' => true]);
    $routes->add('broken', '/broken')->controller([PageController::class, 'broken']);
    $routes->add('count', '/count')->controller([ApiController::class, 'count']);
    $routes->add('cached', '/cached')->controller([ApiController::class, 'cached']);
    $routes->add('forget', '/forget')->controller([ApiController::class, 'forget']);
    $routes->add('api_notes', '/api/notes')->controller([ApiController::class, 'notes']);
    $routes->add('api_echo', '/api/echo')->controller([ApiController::class, 'repeat'])->methods(['POST']);
    $routes->add('login', '/login')->controller([UserController::class, 'login']);
    $routes->add('me', '/me')->controller([UserController::class, 'me']);
    $routes->add('logout', '/logout')->controller([UserController::class, 'logout'])->methods(['POST']);
    $routes->add('notes', '/notes')->controller([NoteController::class, 'notes']);
    $routes->add('picture', '/notes/{id<\d+>}/picture')->controller([NoteController::class, 'picture']);
};
