<?php

declare(strict_types=1);

namespace App\Controller;

use Symfony\Bundle\FrameworkBundle\Controller\AbstractController;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException;

final class UserController extends AbstractController
{
    private const PASSWORD = '$2y$04$IYcfYJ1dnoCUEomGm.lmieJClDkXS0minBJs8RQapQysCKpI53H0u';

    public function login(Request $request): Response
    {
        $wrong = false;
        if ($request->isMethod('POST')) {
            $this->check($request, 'login');
            if (password_verify((string) $request->request->get('password'), self::PASSWORD)) {
                $session = $request->getSession();
                $session->migrate(true);
                $session->set('user', (string) $request->request->get('user'));
                $this->addFlash('notice', 'You are logged in');
                return $this->redirectToRoute('me');
            }
            $wrong = true;
        }
        return $this->render('login.html.twig', ['wrong' => $wrong], new Response(status: $wrong ? 422 : 200));
    }

    public function me(Request $request): Response
    {
        $user = $request->getSession()->get('user');
        return $user === null ? $this->redirectToRoute('login') : $this->render('me.html.twig', ['user' => $user]);
    }

    public function logout(Request $request): Response
    {
        $this->check($request, 'logout');
        $request->getSession()->invalidate();
        return $this->redirectToRoute('me');
    }

    private function check(Request $request, string $id): void
    {
        if (!$this->isCsrfTokenValid($id, (string) $request->request->get('_token'))) {
            throw new AccessDeniedHttpException('This form has expired');
        }
    }
}
