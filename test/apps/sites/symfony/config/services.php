<?php

declare(strict_types=1);

use Symfony\Component\DependencyInjection\Loader\Configurator\ContainerConfigurator;

return static function (ContainerConfigurator $container): void {
    $container->extension('framework', [
        'secret' => 'known to everybody, as this is a test',
        'http_method_override' => false,
        'session' => [
            'storage_factory_id' => 'session.storage.factory.native',
            'handler_id' => null,
            'save_path' => '%kernel.project_dir%/var/sessions',
            'cookie_samesite' => 'lax',
            'cookie_secure' => 'auto',
        ],
        'csrf_protection' => true,
        'form' => true,
        'validation' => ['email_validation_mode' => 'html5'],
        'router' => ['utf8' => true],
        'php_errors' => ['log' => true],
    ]);
    $container->extension('twig', [
        'default_path' => '%kernel.project_dir%/templates',
        'strict_variables' => true,
    ]);

    $services = $container->services()->defaults()->autowire()->autoconfigure()
        ->bind('$folder', '%kernel.project_dir%/var');
    $services->load('App\\', dirname(__DIR__) . '/src/')->exclude([dirname(__DIR__) . '/src/Kernel.php']);
};
