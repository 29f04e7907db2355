<?php

declare(strict_types=1);

namespace App\Controller;

use Symfony\Bundle\FrameworkBundle\Controller\AbstractController;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;

final class PageController extends AbstractController
{
    public function home(Request $request): Response
    {
        $session = $request->getSession();
        $session->set('visits', $session->get('visits', 0) + 1);
        return $this->render('home.html.twig', ['visits' => $session->get('visits')]);
    }

    public function hello(string $name): Response
    {
        return $this->render('hello.html.twig', ['name' => $name]);
    }

    public function number(int $number): Response
    {
        return new Response('Twice is ' . 2 * $number);
    }

    public function broken(): never
    {
        throw new \RuntimeException('a secret of the server');
    }
}
