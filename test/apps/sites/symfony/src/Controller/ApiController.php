<?php

declare(strict_types=1);

namespace App\Controller;

use App\Notes;
use Symfony\Bundle\FrameworkBundle\Controller\AbstractController;
use Symfony\Component\HttpFoundation\JsonResponse;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Contracts\Cache\CacheInterface;
use Symfony\Contracts\Cache\ItemInterface;

final class ApiController extends AbstractController
{
    public function count(Request $request): JsonResponse
    {
        $session = $request->getSession();
        $count = $session->get('count', 0) + 1;
        usleep(2000);
        $session->set('count', $count);
        return $this->json(['count' => $count]);
    }

    public function cached(CacheInterface $cache): JsonResponse
    {
        $value = $cache->get('value', static function (ItemInterface $item): string {
            $item->expiresAfter(3600);
            return bin2hex(random_bytes(8));
        });
        return $this->json(['value' => $value]);
    }

    public function forget(CacheInterface $cache): Response
    {
        $cache->delete('value');
        return $this->redirectToRoute('cached');
    }

    public function notes(Notes $notes): JsonResponse
    {
        return $this->json(array_column($notes->all(), 'title'));
    }

    public function repeat(Request $request): JsonResponse
    {
        return $this->json(['got' => $request->toArray()], 201);
    }
}
