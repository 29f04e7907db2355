<?php

declare(strict_types=1);

namespace App;

use Psr\Container\ContainerInterface;
use Slim\Http\Request;
use Slim\Http\Response;

/** Refuses a form without this session's token. JSON cannot come from another site's form. */
final class Csrf
{
    public function __construct(private ContainerInterface $container)
    {
    }

    public function __invoke(Request $request, Response $response, callable $next): Response
    {
        $form = $request->isPost() && !str_starts_with($request->getContentType() ?? '', 'application/json');
        $token = $form ? (string) $request->getParsedBodyParam('_token', '') : '';
        if ($form && !hash_equals($this->container->get('session')->token(), $token)) {
            return $this->container->get('render')($response->withStatus(403), 'expired.twig');
        }
        return $next($request, $response);
    }
}
