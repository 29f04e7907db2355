// Ways to a file that is not for visitors: out of the root, to source code, or to a script that is none.

import { describe, expect, test } from "vitest";
import { describePeers } from "../../peers/peer.ts";
import { raw } from "./raw.ts";
import { useServers } from "./servers.ts";
import { hiddenNames, makeSecretSite, SECRET } from "./site.ts";

const servers = useServers(makeSecretSite);

const askAt = (port: number, target: string) =>
  raw(port, `GET ${target} HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n`);

function pathTests(port: () => number): void {
  const ask = (target: string) => askAt(port(), target);

  describe("leaving the root", () => {
    const up = [
      "..",
      "%2e%2e",
      "%2E%2E",
      ".%2e",
      "%2e.",
      "..%2f",
      "%252e%252e",
      "%25252e%25252e",
      "%c0%ae%c0%ae",
      "%e0%80%ae%e0%80%ae",
      "%f0%80%80%ae%f0%80%80%ae",
      "%c0%2e%c0%2e",
      "%u002e%u002e",
      "%%32%65%%32%65",
      "%uff0e%uff0e",
      "%ef%bc%8e%ef%bc%8e",
      "%ef%b8%b0",
      "%e2%80%a5",
      "%f8%80%80%80%ae%f8%80%80%80%ae",
      "..;",
      "..%3b",
      "..%00",
      "..%0d%0a",
      "..%09",
      "..%20",
      "..%85",
      "...",
      "....",
      "%2e%2e%2e",
    ];
    const slash = [
      "/",
      "//",
      "%2f",
      "%2F",
      "%5c",
      "\\",
      "%252f",
      "%c0%af",
      "%e0%80%af",
      "%ef%bc%8f",
      "%e2%88%95",
      "%c1%9c",
    ];
    const targets = up.flatMap((dots) =>
      slash.map((separator) => `/really/${dots}${separator}${dots}${separator}secret.txt`),
    );

    test(`${targets.length} spellings of ../../secret.txt give nothing away`, async () => {
      const answers = await Promise.all(targets.map(async (target) => [target, await ask(target)] as const));
      for (const [target, answer] of answers) {
        // 403: what is left after decoding once begins with a dot.
        expect([400, 403, 404], `${target}: ${answer.text}`).toContain(answer.statuses[0]);
        expect(answer.text, target).not.toContain(SECRET);
        expect(answer.text, target).not.toContain("root:");
      }
    });

    test.each([
      "/../secret.txt",
      "//../secret.txt",
      "/./../secret.txt",
      "/show.php/../../secret.txt",
      "/show.php/%2e%2e/%2e%2e/secret.txt",
      "/really/../../www/../secret.txt",
      "/.well-known/../.env",
      "/.well-known/%2e%2e/.env",
      "/..",
      "/.",
      "/%2e",
      "/really/..",
      "/really/.",
      "http://site.test/../secret.txt",
      "http://site.test/%2e%2e/secret.txt",
    ])("%s is refused: a path has no dot segments", async (target) => {
      const answer = await ask(target);
      expect(answer.statuses).toEqual([400]);
      expect(answer.text).not.toContain(SECRET);
    });

    test.each(["/plain.txt%00", "/plain.txt%00.php", "/show.php%00.txt", "/show.php%00", "/%00", "/show.php/%00"])(
      "%s is refused: a name ends nowhere but at its end",
      async (target) => {
        expect((await ask(target)).statuses).toEqual([400]);
      },
    );

    test.each(["/plain.txt%0a", "/show.php%0a", "/show.php%0d%0a/x", "/show.php/a%0ab", "/%7f", "/plain.txt%1f"])(
      "%s is refused: a control character",
      async (target) => {
        expect((await ask(target)).statuses).toEqual([400]);
      },
    );

    test.each(["/plain.txt%", "/plain.txt%2", "/plain.txt%zz", "/%-1", "/plain.txt%+2"])(
      "%s is refused: broken encoding",
      async (target) => {
        expect((await ask(target)).statuses).toEqual([400]);
      },
    );

    test("what is encoded twice is decoded once", async () => {
      expect((await ask("/100%2525.txt")).text).toMatch(/percent$/);
      expect((await ask("/100%25.txt")).statuses).toEqual([404]);
      expect((await ask("/sho%2577.php")).statuses).toEqual([404]);
    });

    test("query strings are the script's own affair", async () => {
      const answer = await ask("/show.php?file=../../secret.txt&x=%00%0a\\");
      expect(answer.statuses).toEqual([200]);
      expect(answer.text).not.toContain(SECRET);
    });
  });

  describe("what is there and not for visitors", () => {
    test.each(hiddenNames)("%j", async (name) => {
      const path = encodeURI(name).replaceAll("#", "%23");
      for (const target of [`/${path}`, `/${path.replace(".", "%2e")}`, `//${path}`, `/${path}?x`]) {
        const answer = await ask(target);
        expect([403, 404], target).toContain(answer.statuses[0]);
        expect(answer.text).not.toContain(SECRET);
        expect(answer.text).not.toContain("RAN");
      }
    });

    test("/.well-known is for visitors", async () => {
      expect((await ask("/.well-known/security.txt")).text).toMatch(/contact$/);
    });

    test("conditional and range requests learn nothing of it either", async () => {
      for (const header of [
        "Range: bytes=0-5",
        "If-Modified-Since: Thu, 01 Jan 2099 00:00:00 GMT",
        "If-None-Match: *",
      ]) {
        const answer = await raw(
          port(),
          `GET /config.php.bak HTTP/1.1\r\nHost: a\r\n${header}\r\nConnection: close\r\n\r\n`,
        );
        expect(answer.statuses).toEqual([403]);
      }
    });
  });

  describe("scripts that are none", () => {
    test.each([
      "/picture.jpg/x.php",
      "/picture.jpg/.php",
      "/picture.jpg/index.php",
      "/uploads/evil.txt/x.php",
      "/uploads/evil.txt/index.php/y",
      "/plain.txt/show.php",
      "/folder.php/x.php",
      "/folder.php/inside.txt/x.php",
      "/nothing.php",
      "/nothing.php/show.php",
      "/SHOW.PHP",
      "/show.Php",
      "/show.php.",
      "/show.php%20",
      "/show.php%2e",
      "/show.php::$DATA",
      "/show.php%3a%3a$DATA",
      "/show.ph%70%20",
      "/show%2ephp.jpg",
      "/show.php;x.jpg",
      "/show.php%3f.jpg",
      "/show.php%23.jpg",
      "/.php",
    ])("%s runs nothing", async (target) => {
      const answer = await ask(target);
      expect([400, 403, 404], answer.text).toContain(answer.statuses[0]);
      expect(answer.text).not.toContain("RAN");
      expect(answer.text).not.toContain("<?php");
      expect(answer.text).not.toContain("SCRIPT_FILENAME");
    });

    test("a picture that holds PHP is a picture", async () => {
      const answer = await ask("/picture.jpg");
      expect(answer.statuses).toEqual([200]);
      expect(answer.text).toMatch(/content-type: image\/jpeg/i);
      expect(answer.text).toMatch(/<\?php echo 'RAN';$/);
    });

    test.each(["/show%2ephp", "/sh%6fw.php", "//show.php", "/show.php/", "/show.php/a/b.txt", "/show.php/x.php"])(
      "%s is the script, and PHP is told its one name",
      async (target) => {
        const answer = await ask(target);
        expect(answer.text).toContain('"SCRIPT_NAME":"/show.php"');
        expect(answer.text).toMatch(/"SCRIPT_FILENAME":"[^"]*\/www\/show\.php"/);
      },
    );
  });

  describe("symbolic links", () => {
    test.each([
      "/link.txt",
      "/really/relative.txt",
      "/linked/page.txt",
      "/linked/",
      "/linked",
      "/linked/run.php",
      "/linked/run.php/info",
      "/linked.php",
      "/linked.php/info",
      "/old/page.txt",
      "/machine/etc/passwd",
      "/machine/etc/",
      "/twice/page.txt",
      "/circle",
      "/circle/x",
    ])("%s leads out of the root, and is not followed", async (target) => {
      const answer = await ask(target);
      expect([403, 404]).toContain(answer.statuses[0]);
      expect(answer.text).not.toContain(SECRET);
      expect(answer.text).not.toContain("root:");
    });

    test("one that stays inside is", async () => {
      expect((await ask("/within/inside.txt")).text).toMatch(/inside$/);
    });
  });
}

describe("a gateway of one site", () => pathTests(() => servers.port));
describe("a gateway with a configuration", () => pathTests(() => servers.configuredPort));
describe("a gateway with nginx's usual locations", () => pathTests(() => servers.guidePort));

describePeers(["nginx", "php-fpm8.2"], "nginx, with the configuration of most guides", () => {
  const leaks = [
    "/config.php.bak",
    "/config.php~",
    "/config.inc",
    "/Upper.PHP",
    "/two.php.txt",
    "/link.txt",
    "/linked/page.txt",
    "/linked/run.php",
  ];
  test.each(leaks)("gives away %s, which ours does not", async (target) => {
    expect((await askAt(servers.nginxPort, target)).text).toContain(SECRET);
    expect((await askAt(servers.port, target)).text).not.toContain(SECRET);
  });

  test.each([
    "/plain.txt",
    "/within/inside.txt",
    "/100%2525.txt",
    "/.well-known/../plain.txt",
    "/nothing",
    "/show.php/a",
  ])("answers %s with the same status, dot segments aside", async (target) => {
    const [theirs] = (await askAt(servers.nginxPort, target)).statuses;
    const [ours] = (await askAt(servers.port, target)).statuses;
    expect(ours).toBe(target.includes("..") ? 400 : theirs);
  });
});
