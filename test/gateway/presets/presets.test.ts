import { describe, expect, test } from "vitest";
import { checkConfig } from "../../../src/gateway/config/check.ts";
import { PRESETS } from "../../../src/gateway/presets/index.ts";
import { routerOf } from "../routing/site.ts";

const FRONT = "run /www/index.php as /index.php +  ? ";

describe("presets", () => {
  test.each(Object.entries(PRESETS))("%s is a valid configuration", (_name, { settings, rewrite, locations }) => {
    expect(checkConfig({ ...settings, ...(rewrite === undefined ? {} : { rewrite }), locations })).toEqual([]);
  });

  test.each(Object.keys(PRESETS) as (keyof typeof PRESETS)[])(
    "%s sends no source code and no secrets",
    async (preset) => {
      const secrets = ["/.env", "/.git/config", "/x.php.bak", "/x.php~", "/x.phtml", "/sub/.htaccess", "/config.inc"];
      const { tell } = routerOf({ preset }, ["/index.php", ...secrets]);
      for (const path of secrets) expect([path, await tell(path)]).toEqual([path, expect.stringMatching(/^40[34]$/)]);
    },
  );

  test("a site's own locations go before its preset's", async () => {
    const { tell } = routerOf({ preset: "wordpress", locations: [{ exact: "/xmlrpc.php", deny: true }] }, [
      "/index.php",
      "/xmlrpc.php",
    ]);
    expect(await tell("/xmlrpc.php")).toBe("403");
  });
});

test("WordPress", async () => {
  const { tell, go } = routerOf({ preset: "wordpress" }, [
    "/index.php",
    "/wp-login.php",
    "/wp-config.php",
    "/xmlrpc.php",
    "/wp-admin/index.php",
    "/wp-admin/admin-ajax.php",
    "/wp-admin/includes/file.php",
    "/wp-content/uploads/2024/a.png",
    "/wp-content/uploads/shell.php",
    "/wp-content/uploads/shell.php.jpg/x",
    "/wp-content/themes/t/style.css",
    "/wp-includes/load.php",
    "/wp-includes/js/tinymce/wp-tinymce.php",
    "/readme.html",
  ]);
  expect(await tell("/2024/05/hello-world/?preview=1")).toBe(`${FRONT}preview=1`);
  expect(await tell("/")).toBe(FRONT);
  expect(await tell("/robots.txt")).toBe(FRONT);
  expect(await tell("/wp-login.php")).toBe("run /www/wp-login.php as /wp-login.php +  ? ");
  expect(await tell("/xmlrpc.php")).toBe("run /www/xmlrpc.php as /xmlrpc.php +  ? ");
  expect(await tell("/wp-admin")).toBe("301 /wp-admin/");
  expect(await tell("/wp-admin/")).toBe("run /www/wp-admin/index.php as /wp-admin/index.php +  ? ");
  expect(await tell("/wp-admin/admin-ajax.php?action=x")).toContain("run /www/wp-admin/admin-ajax.php");
  expect(await tell("/wp-includes/js/tinymce/wp-tinymce.php")).toContain("run ");
  expect(await tell("/wp-content/uploads/2024/a.png")).toBe("send /wp-content/uploads/2024/a.png");
  expect((await go("/wp-content/themes/t/style.css?ver=6")).location.expires).toBe(30 * 24 * 3600);
  for (const denied of [
    "/wp-config.php",
    "/wp-content/uploads/shell.php",
    "/wp-content/uploads/shell.php/x.css",
    "/wp-content/uploads/shell.PHP",
    "/wp-content/uploads/shell.php.jpg/x",
    "/wp-includes/load.php",
    "/wp-admin/includes/file.php",
    "/readme.html",
  ]) {
    expect([denied, await tell(denied)]).toEqual([denied, expect.stringMatching(/^40[34]$/)]);
  }
  // A network of sites in folders.
  expect(await tell("/shop/wp-admin/")).toBe("run /www/wp-admin/index.php as /wp-admin/index.php +  ? ");
  expect(await tell("/shop/wp-login.php?a=b")).toBe("run /www/wp-login.php as /wp-login.php +  ? a=b");
  expect(await tell("/shop/wp-content/themes/t/style.css")).toBe("send /wp-content/themes/t/style.css");
  expect(await tell("/shop/wp-content/uploads/shell.php")).toBe("403");
  expect(await tell("/shop/wp-config.php")).toBe("404");
});

test("Laravel", async () => {
  const { tell, go } = routerOf({ preset: "laravel" }, [
    "/index.php",
    "/build/app.js",
    "/storage/evil.php",
    "/info.php",
  ]);
  expect(await tell("/")).toBe(FRONT);
  expect(await tell("/users/1?page=2")).toBe(`${FRONT}page=2`);
  expect(await tell("/index.php/users")).toBe("run /www/index.php as /index.php + /users ? ");
  expect(await tell("/build/app.js")).toBe("send /build/app.js");
  expect(await tell("/storage/evil.php")).toBe("404");
  expect(await tell("/info.php")).toBe("404");
  expect((await go("/")).location.headers.map(({ name }) => name)).toEqual([
    "X-Frame-Options",
    "X-Content-Type-Options",
  ]);
});

test("Symfony", async () => {
  const { tell } = routerOf({ preset: "symfony" }, [
    "/index.php",
    "/bundles/a/app.css",
    "/bundles/a/evil.php",
    "/check.php",
  ]);
  expect(await tell("/")).toBe(FRONT);
  expect(await tell("/blog/1?x=y")).toBe(`${FRONT}x=y`);
  expect(await tell("/bundles/a/app.css")).toBe("send /bundles/a/app.css");
  // Nobody calls the front controller by its name.
  for (const path of ["/index.php", "/index.php/blog", "/check.php", "/bundles/a/evil.php", "/app_dev.php/_profiler"]) {
    expect([path, await tell(path)]).toEqual([path, "404"]);
  }
});

test("Drupal", async () => {
  const { tell, go } = routerOf({ preset: "drupal" }, [
    "/index.php",
    "/update.php",
    "/core/install.php",
    "/core/modules/node/node.module",
    "/core/lib/Drupal.php",
    "/vendor/autoload.php",
    "/composer.json",
    "/sites/default/settings.php",
    "/sites/default/services.yml",
    "/sites/default/files/a.png",
    "/sites/default/files/evil.php",
    "/sites/default/files/private/secret.pdf",
    "/sites/default/files/styles/thumb/public/a.png",
    "/themes/t/page.html.twig",
    "/themes/t/style.css",
  ]);
  expect(await tell("/")).toBe(FRONT);
  expect(await tell("/node/1?x=y")).toBe(`${FRONT}x=y`);
  expect(await tell("/update.php/selection")).toBe("run /www/update.php as /update.php + /selection ? ");
  expect(await tell("/core/install.php")).toContain("run /www/core/install.php");
  expect(await tell("/sites/default/files/styles/thumb/public/a.png")).toContain("send ");
  expect(await tell("/sites/default/files/styles/thumb/public/new.png?itok=1")).toBe(`${FRONT}itok=1`);
  expect(await tell("/system/files/secret.pdf")).toBe(FRONT);
  expect((await go("/themes/t/style.css")).location.expires).toBe(14 * 24 * 3600);
  for (const denied of [
    "/core/modules/node/node.module",
    "/core/lib/Drupal.php",
    "/vendor/autoload.php",
    "/composer.json",
    "/sites/default/settings.php",
    "/sites/default/services.yml",
    "/sites/default/files/evil.php",
    "/sites/default/files/private/secret.pdf",
    "/themes/t/page.html.twig",
  ]) {
    expect([denied, await tell(denied)]).toEqual([denied, expect.stringMatching(/^40[34]$/)]);
  }
});
