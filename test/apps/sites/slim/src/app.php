<?php
// The application: its container, its middleware, its routes.

declare(strict_types=1);

use App\Csrf;
use App\FileCache;
use App\Notes;
use App\Pages;
use App\Session;
use Slim\Http\Request;
use Slim\Http\Response;
use Twig\Environment;
use Twig\Loader\FilesystemLoader;

$folder = dirname(__DIR__);
$app = new Slim\App(['settings' => ['displayErrorDetails' => false, 'determineRouteBeforeAppMiddleware' => true]]);
$container = $app->getContainer();

$container['session'] = static fn(): Session => new Session();
$container['cache'] = static fn(): FileCache => new FileCache("$folder/var/cache/app");
$container['notes'] = static fn(): Notes => new Notes("$folder/var");
$container['twig'] = static function ($c) use ($folder): Environment {
    $twig = new Environment(new FilesystemLoader("$folder/templates"), [
        'cache' => "$folder/var/cache/twig",
        'strict_variables' => true,
    ]);
    $twig->addGlobal('session', $c['session']);
    return $twig;
};
$container['render'] = static fn($c): Closure =>
    static fn(Response $response, string $name, array $with = []): Response => $response->write($c['twig']->render($name, $with));
$container['notFoundHandler'] = static fn($c): Closure =>
    static fn(Request $request, Response $response): Response => $c['render']($response->withStatus(404), 'missing.twig');
$container['errorHandler'] = static fn($c): Closure =>
    static function (Request $request, Response $response, Throwable $error) use ($c): Response {
        error_log('slim: ' . $error->getMessage());
        return $c['render']($response->withStatus(500), 'broken.twig');
    };
$container['phpErrorHandler'] = static fn($c) => $c['errorHandler'];

// The last one added is the outermost: the session is there before the token is looked at.
$app->add(new Csrf($container));
$app->add(function (Request $request, Response $response, callable $next) use ($container): Response {
    $container['session']->start();
    try {
        return $next($request, $response)->withHeader('X-Application', 'slim');
    } finally {
        $container['session']->close();
    }
});

$pages = new Pages($container);
$app->get('/', [$pages, 'home'])->setName('home');
$app->get('/hello/{name}', [$pages, 'hello'])->setName('hello');
$app->get('/number/{number:[0-9]+}', [$pages, 'number']);
$app->get('/old', [$pages, 'old']);
$app->get('/count', [$pages, 'count']);
$app->get('/cached', [$pages, 'cached']);
$app->get('/forget', [$pages, 'forget']);
$app->map(['GET', 'POST'], '/login', [$pages, 'login'])->setName('login');
$app->get('/me', [$pages, 'me']);
$app->post('/logout', [$pages, 'logout']);
$app->map(['GET', 'POST'], '/notes', [$pages, 'notes'])->setName('notes');
$app->get('/notes/{id:[0-9]+}/picture', [$pages, 'picture']);
$app->group('/api', function () use ($app, $pages): void {
    $app->get('/notes', [$pages, 'apiNotes']);
    $app->post('/echo', [$pages, 'apiEcho']);
});
$app->get('/broken', function (): never {
    throw new RuntimeException('a secret of the server');
});

return $app;
