<?php

declare(strict_types=1);

namespace App;

use Psr\Container\ContainerInterface;
use Slim\Exception\NotFoundException;
use Slim\Http\Request;
use Slim\Http\Response;

final class Pages
{
    private const PASSWORD = '$2y$04$IYcfYJ1dnoCUEomGm.lmieJClDkXS0minBJs8RQapQysCKpI53H0u';

    public function __construct(private ContainerInterface $container)
    {
    }

    public function home(Request $request, Response $response): Response
    {
        $session = $this->session();
        $session->set('visits', $session->get('visits', 0) + 1);
        return $this->render($response, 'home.twig', ['visits' => $session->get('visits')]);
    }

    public function hello(Request $request, Response $response, array $args): Response
    {
        return $this->render($response, 'hello.twig', ['name' => $args['name']]);
    }

    public function number(Request $request, Response $response, array $args): Response
    {
        return $response->write('Twice is ' . 2 * (int) $args['number']);
    }

    public function old(Request $request, Response $response): Response
    {
        return $response->withRedirect($this->container->get('router')->pathFor('hello', ['name' => 'moved']), 301);
    }

    public function count(Request $request, Response $response): Response
    {
        $count = $this->session()->get('count', 0) + 1;
        usleep(2000);
        $this->session()->set('count', $count);
        return $response->withJson(['count' => $count]);
    }

    public function cached(Request $request, Response $response): Response
    {
        $value = $this->container->get('cache')->get('value', static fn(): string => bin2hex(random_bytes(8)));
        return $response->withJson(['value' => $value]);
    }

    public function forget(Request $request, Response $response): Response
    {
        $this->container->get('cache')->forget('value');
        return $response->withRedirect('/cached');
    }

    public function login(Request $request, Response $response): Response
    {
        $session = $this->session();
        $wrong = false;
        if ($request->isPost()) {
            $password = (string) $request->getParsedBodyParam('password', '');
            if (password_verify($password, self::PASSWORD)) {
                $session->renew();
                $session->set('user', (string) $request->getParsedBodyParam('user', ''));
                $session->flash('You are logged in');
                return $response->withRedirect('/me');
            }
            $wrong = true;
        }
        return $this->render($response->withStatus($wrong ? 422 : 200), 'login.twig', ['wrong' => $wrong]);
    }

    public function me(Request $request, Response $response): Response
    {
        $user = $this->session()->get('user');
        return $user === null ? $response->withRedirect('/login') : $this->render($response, 'me.twig', ['user' => $user]);
    }

    public function logout(Request $request, Response $response): Response
    {
        $this->session()->clear();
        return $response->withRedirect('/me');
    }

    public function notes(Request $request, Response $response): Response
    {
        $notes = $this->container->get('notes');
        $title = trim((string) $request->getParsedBodyParam('title', ''));
        $text = (string) $request->getParsedBodyParam('text', '');
        $errors = [];
        if ($request->isPost()) {
            $picture = $request->getUploadedFiles()['picture'] ?? null;
            if ($picture?->getError() === UPLOAD_ERR_NO_FILE) {
                $picture = null;
            }
            if (mb_strlen($title) < 3) {
                $errors[] = 'The title is too short';
            }
            if ($picture !== null && (new \finfo(FILEINFO_MIME_TYPE))->file($picture->file) !== 'image/png') {
                $errors[] = 'The picture is no picture';
            }
            if ($errors === []) {
                $notes->add($title, $text, $picture);
                $this->session()->flash("Saved: $title");
                return $response->withRedirect('/notes', 303);
            }
            $response = $response->withStatus(422);
        }
        return $this->render($response, 'notes.twig', ['notes' => $notes->all(), 'errors' => $errors, 'title' => $title, 'text' => $text]);
    }

    public function picture(Request $request, Response $response, array $args): Response
    {
        $file = $this->container->get('notes')->picture((int) $args['id']);
        if (!is_file($file)) {
            throw new NotFoundException($request, $response);
        }
        return $response
            ->withHeader('Content-Type', 'image/png')
            ->withHeader('Content-Length', (string) filesize($file))
            ->withBody(new \Slim\Http\Stream(fopen($file, 'rb')));
    }

    public function apiNotes(Request $request, Response $response): Response
    {
        return $response->withJson(array_map(static fn(array $note): string => $note['title'], $this->container->get('notes')->all()));
    }

    public function apiEcho(Request $request, Response $response): Response
    {
        return $response->withJson(['got' => $request->getParsedBody()], 201);
    }

    private function session(): Session
    {
        return $this->container->get('session');
    }

    private function render(Response $response, string $name, array $with = []): Response
    {
        return $this->container->get('render')($response, $name, $with);
    }
}
