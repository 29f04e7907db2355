import type { FrameworkSite } from "./framework-site.ts";

/** Symfony 5.4: the framework bundle's kernel, Twig, forms, validation, the cache component; sessions of PHP itself. */
export const SYMFONY: FrameworkSite = {
  name: "symfony",
  title: "Symfony 5.4",
  packages: [
    "php-psr-cache",
    "php-psr-container",
    "php-psr-event-dispatcher",
    "php-psr-log",
    "php-twig",
    ...[
      ...["cache", "cache-contracts", "config", "dependency-injection", "deprecation-contracts", "error-handler"],
      ...["event-dispatcher", "event-dispatcher-contracts", "filesystem", "finder", "form", "framework-bundle"],
      ...["http-foundation", "http-kernel", "mime", "options-resolver", "password-hasher", "property-access"],
      ...["property-info", "routing", "security-core", "security-csrf", "service-contracts", "string"],
      ...["translation-contracts", "twig-bridge", "twig-bundle", "validator", "var-dumper", "var-exporter", "yaml"],
    ].map((name) => `php-symfony-${name}`),
  ],
  files: [
    "Symfony/Contracts/Deprecation/function.php",
    "Symfony/Component/String/Resources/functions.php",
    "Symfony/Component/VarDumper/Resources/functions/dump.php",
  ],
  writable: ["var"],
  fields: { title: "note[title]", text: "note[text]", picture: "note[picture]" },
};
