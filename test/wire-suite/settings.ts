// Settings: of the pool, of a folder, of one request; and who wins.

import { describe, expect, test } from "vitest";
import type { Context } from "./suite.ts";

export function settingTests({ group, lacks }: Pick<Context, "group" | "lacks">): void {
  group(
    "of the pool",
    {
      pool: [
        "php_value[precision] = 5",
        "php_flag[short_open_tag] = on",
        "php_admin_value[memory_limit] = 48M",
        "php_admin_flag[display_errors] = off",
        "php_value[user_agent] = pool",
        "env[FROM_POOL] = of the pool",
      ],
    },
    (context) => {
      const value = async (names: readonly string[], params: Record<string, string> = {}) =>
        (await context.target.php(`echo json_encode(array_map('ini_get', ${phpList(names)}));`, { params })).json();

      test("php_value and php_admin_value are in force", async () => {
        expect(await value(["precision", "short_open_tag", "memory_limit"])).toEqual(["5", "1", "48M"]);
      });

      test("a script may change a php_value for itself, and not a php_admin_value", async () => {
        const { body } = await context.target.php(
          "echo json_encode([ini_set('precision', '9'), ini_get('precision'), ini_set('memory_limit', '200M'), ini_get('memory_limit'), ini_set('display_errors', '1')]);",
        );
        expect(JSON.parse(body)).toEqual(["5", "9", false, "48M", false]);
        expect(await value(["precision"])).toEqual(["5"]);
      });

      test(".user.ini counts from the document root down, over php_value and not over php_admin_value", async () => {
        context.target.write(
          ".user.ini",
          'precision = 6\nuser_agent = "root"\nmemory_limit = 200M\nopcache.enable = 0\n',
        );
        context.target.write(
          "deep/.user.ini",
          "; comment\nuser_agent = 'deep' ; here too\nerror_reporting = E_ALL & ~E_NOTICE\n",
        );
        context.target.write(
          "deep/show.php",
          "echo json_encode(array_map('ini_get', ['precision', 'user_agent', 'memory_limit', 'error_reporting']));",
        );
        expect((await context.target.ask({ script: "deep/show.php" })).json()).toEqual(["6", "deep", "48M", "32759"]);
        context.target.write("beside/show.php", "echo json_encode(array_map('ini_get', ['precision', 'user_agent']));");
        expect((await context.target.ask({ script: "beside/show.php" })).json()).toEqual(["6", "root"]);
      });

      test("without a document root no .user.ini is read", async () => {
        context.target.write("rootless/.user.ini", "user_agent = rootless\n");
        context.target.write("rootless/show.php", "echo ini_get('user_agent');");
        const { body } = await context.target.ask({
          script: "rootless/show.php",
          params: { DOCUMENT_ROOT: undefined },
        });
        expect(body).toBe("pool");
      });

      test(".user.ini may name a file to run before and one to run after", async () => {
        context.target.write("around/before.php", "echo 'before ';");
        context.target.write("around/after.php", "echo ' after';");
        context.target.write("around/.user.ini", `auto_prepend_file = before.php\nauto_append_file = after.php\n`);
        context.target.write("around/show.php", "echo 'script';");
        expect((await context.target.ask({ script: "around/show.php" })).body).toBe("before script after");
      });

      test("env[] of the pool is in the environment, and the master's own is not", async () => {
        const { body } = await context.target.php(
          "echo json_encode([getenv('FROM_POOL'), $_SERVER['FROM_POOL'] ?? null, getenv('PATH')]);",
        );
        expect(JSON.parse(body)).toEqual(["of the pool", "of the pool", false]);
      });
    },
  );

  group("of one request", {}, (context) => {
    test("PHP_VALUE counts, PHP_ADMIN_VALUE counts and cannot be changed", async () => {
      const { body } = await context.target.php(
        "echo json_encode([ini_get('precision'), ini_set('precision', '3'), ini_get('error_reporting'), ini_set('user_agent', 'x'), ini_get('user_agent')]);",
        {
          params: {
            PHP_VALUE: "precision = 7\nerror_reporting = E_ERROR | E_PARSE",
            PHP_ADMIN_VALUE: 'user_agent = "ad min"',
          },
        },
      );
      expect(JSON.parse(body)).toEqual(["7", "7", "5", false, "ad min"]);
    });

    const leak = lacks("values-end-with-request");
    test.skipIf(leak.skip)(`they end with it${leak.note}`, async () => {
      await context.target.php("", { params: { PHP_VALUE: "precision = 3" } });
      expect((await context.target.php("echo ini_get('precision');")).body).toBe("14");
    });
  });

  group("security.limit_extensions", { pool: ["security.limit_extensions = .php .html"] }, (context) => {
    test("names what may run", async () => {
      context.target.write("page.html", "<?php echo 'ran';");
      expect((await context.target.ask({ script: "page.html" })).body).toBe("ran");
      context.target.write("page.phar", "<?php echo 'ran';");
      expect((await context.target.ask({ script: "page.phar" })).status).toBe(403);
    });
  });

  group("cgi.fix_pathinfo = 0", { ini: ["cgi.fix_pathinfo = 0"] }, (context) => {
    describe("a path behind the script", () => {
      test("is not looked into", async () => {
        context.target.write("plain.php", "echo 'ran';");
        const answer = await context.target.ask({
          script: "plain.php/more",
          params: { PATH_INFO: "/more", SCRIPT_NAME: "/plain.php" },
        });
        // Not "File not found.": without the look behind the script, its extension is "/more".
        expect({ status: answer.status, body: answer.body }).toEqual({ status: 403, body: "Access denied.\n" });
      });

      test("as the web server gives it: PATH_INFO stays, PHP_SELF is PATH_INFO", async () => {
        context.target.write(
          "self.php",
          "echo json_encode([$_SERVER['PHP_SELF'], $_SERVER['PATH_INFO'] ?? null, $_SERVER['SCRIPT_NAME']]);",
        );
        const answer = await context.target.ask({ script: "self.php", params: { PATH_INFO: "/more" } });
        expect(answer.json()).toEqual(["/more", "/more", "/self.php"]);
      });
    });
  });
}

function phpList(names: readonly string[]): string {
  return `[${names.map((name) => `'${name}'`).join(", ")}]`;
}
