// Settings that reach one request: what they may do, and what they must not leave behind.

import { afterEach, describe, expect, test } from "vitest";
import { Fixture } from "./fixture.ts";

describe("settings of a request", () => {
  let fixture: Fixture | undefined;
  afterEach(() => fixture?.[Symbol.dispose]());

  test("admin settings of the pool are refused to ini_set() in every request, and to .user.ini", async () => {
    fixture = await Fixture.boot({
      ini: { settings: { precision: 5 }, adminSettings: { user_agent: "fixed; it is" } },
    });
    const { root } = fixture.scratch;
    fixture.scratch.write(".user.ini", "user_agent = folder\nprecision = 7\n");
    for (let round = 0; round < 3; round++) {
      const { body } = await fixture.php(
        "echo json_encode([ini_get('user_agent'), ini_set('user_agent', 'x'), ini_get('precision'), ini_set('precision', '3')]);",
        { params: { DOCUMENT_ROOT: root } },
      );
      expect(JSON.parse(body)).toEqual(["fixed; it is", false, "7", "7"]);
    }
  });

  test(".user.ini is read again when user_ini.cache_ttl is over, under the name of user_ini.filename", async () => {
    fixture = await Fixture.boot({ ini: { settings: { "user_ini.filename": "own.ini", "user_ini.cache_ttl": 0 } } });
    const params = { DOCUMENT_ROOT: fixture.scratch.root };
    const read = async () => (await fixture?.php("echo ini_get('user_agent');", { params }))?.body;
    fixture.scratch.write("own.ini", "user_agent = first\n");
    expect(await read()).toBe("first");
    await new Promise((resolve) => setTimeout(resolve, 5));
    fixture.scratch.write("own.ini", "user_agent = second\n");
    expect(await read()).toBe("second");
  });

  test("one that PHP takes for a fatal error breaks the interpreter, which says so", async () => {
    fixture = await Fixture.boot();
    await fixture.php("echo 1;");
    const asked = fixture.php("echo 2;", { params: { PHP_VALUE: "session.save_handler = missing" } });
    await expect(asked).rejects.toMatchObject({ code: "PHP_TRAP" });
    expect(fixture.host.usable).toBe(false);
  });
});
