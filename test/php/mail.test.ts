// mail() in a real interpreter, beside what native PHP hands to its sendmail_path.

import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Mail, MailError } from "../../src/mail/index.ts";
import { MailDesk } from "../../src/php/mail-process.ts";
import { describePeers, peerPath } from "../peers/peer.ts";
import { makeScratch } from "../peers/scratch.ts";
import { type Answer, Fixture } from "./fixture.ts";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

describe("mail() with somebody who takes mails", () => {
  let php: Fixture;
  let mails: Mail[] = [];
  let refusal: Error | undefined;
  beforeAll(async () => {
    php = await Fixture.boot(
      { php: "8.2", ini: { settings: { "mail.add_x_header": "1" } } },
      {
        mail: {
          limits: { size: 100_000, perRequest: 3, recipients: 5 },
          send: async (mail) => {
            await new Promise((resolve) => setTimeout(resolve, 5));
            if (refusal !== undefined) throw refusal;
            mails.push(mail);
          },
        },
      },
    );
  });
  afterAll(() => php[Symbol.dispose]());

  async function run(code: string): Promise<{ answer: Answer; sent: readonly Mail[] }> {
    mails = [];
    const answer = await php.php(code);
    return { answer, sent: mails };
  }

  test("leaves no descriptor open", async () => {
    const code = `mail("a@example.org", "s", "b"); mail("b@example.org", "s", "b"); echo count(scandir("/proc/self/fd"));`;
    // What the first ones leave for good, such as the random device.
    await run(code);
    const { answer: before } = await run(code);
    for (let i = 0; i < 5; i++) await run(code);
    const { answer: after } = await run(code);
    expect(Number(before.body)).toBeGreaterThan(3);
    expect(after.body).toBe(before.body);
  });

  test("gives true once the mail is taken, with envelope, header and body as PHP handed them over", async () => {
    const { answer, sent } = await run(
      `echo json_encode(mail("ann@example.org, Bob <bob@example.org>", "Hello", "one\\ntwo\\r\\n.\\nend", ["From" => "Site <site@example.org>", "Bcc" => "cy@example.org"], "-fbounce@example.org"));`,
    );
    expect(answer.body).toBe("true");
    expect(sent).toHaveLength(1);
    const [mail] = sent as [Mail];
    expect(mail.from).toBe("bounce@example.org");
    expect(mail.to).toEqual(["ann@example.org", "bob@example.org", "cy@example.org"]);
    const [header = "", body] = text(mail.raw).split(/\r\n\r\n([\s\S]*)/);
    expect(header.split("\r\n")).toEqual(
      expect.arrayContaining([
        "To: ann@example.org, Bob <bob@example.org>",
        "Subject: Hello",
        "From: Site <site@example.org>",
        expect.stringMatching(/^X-PHP-Originating-Script: \d+:script-\d+\.php$/),
        expect.stringMatching(/^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000$/),
        expect.stringMatching(/^Message-ID: <[0-9a-f-]{36}@example\.org>$/),
      ]),
    );
    expect(header).not.toMatch(/^bcc:/im);
    expect(body).toMatch(/^one\r\ntwo\r\n\.\r\nend\r\n$/);
    expect(text(mail.raw)).not.toMatch(/[^\r]\n|\r[^\n]/);
  });

  test("mb_send_mail() and a sendmail that a library opens itself go the same way", async () => {
    const { answer, sent } = await run(`mb_language('uni');
      var_dump(mb_send_mail('ann@example.org', 'Grüße', 'Täxt', "From: s@example.org"));
      $p = popen('/usr/sbin/sendmail -oi -fb@example.org -t', 'w'); fwrite($p, "To: ann@example.org\\nFrom: s@example.org\\n\\nlibrary"); var_dump(pclose($p));`);
    expect(answer.body.match(/bool\(true\)\s+int\(0\)/)).not.toBeNull();
    expect(sent.map(({ from }) => from)).toEqual(["s@example.org", "b@example.org"]);
    expect(text(sent[0]?.raw ?? new Uint8Array())).toContain("Subject: =?UTF-8?B?");
    expect(text(sent[1]?.raw ?? new Uint8Array())).toContain("\r\n\r\nlibrary\r\n");
  });

  test("a domain that is not ASCII goes into the envelope as every mail server knows it", async () => {
    const { sent } = await run("var_dump(mail('ann@exämple.org, ü@exämple.org', 's', 'b', 'From: s@ö.example'));");
    expect(sent).toMatchObject([{ from: "s@xn--nda.example", to: ["ann@xn--exmple-cua.org", "ü@exämple.org"] }]);
    const bad = await run("var_dump(mail('ann@exä%mple.org', 's', 'b', 'From: s@example.org'));");
    expect(bad.answer.log.join()).toMatch(/not an address.*MAIL_BAD_MESSAGE/);
  });

  test("headers cannot be injected: PHP's own checks hold", async () => {
    const { answer, sent } = await run(`
      foreach ([["a@example.org\\nBcc: x@example.org", 's', ''], ['a@example.org', "s\\r\\nBcc: x@example.org", '']] as [$to, $subject, $more]) var_dump(@mail($to, $subject, 'b', ['From' => 's@example.org']));
      try { var_dump(mail('a@example.org', 's', 'b', ['X' => "1\\nBcc: x@example.org", 'From' => 's@example.org'])); } catch (ValueError $e) { echo get_class($e), "\\n"; }
      var_dump(@mail('a@example.org', 's', 'b', "From: s@example.org\\r\\n\\r\\nbody from the header"));`);
    for (const mail of sent) expect(mail.to).not.toContain("x@example.org");
    for (const mail of sent) expect(text(mail.raw)).not.toMatch(/^Bcc:/m);
    expect(answer.body).toContain("bool(false)");
  });

  test("gives false, and says why in the error log, when nobody can get it or it is refused", async () => {
    refusal = new MailError("MAIL_REFUSED", "550 no such user");
    const refused = await run("var_dump(mail('a@example.org', 's', 'b', 'From: s@example.org'));");
    refusal = undefined;
    expect(refused.answer.body).toContain("bool(false)");
    expect(refused.answer.log.join()).toContain("mail(): not sent: 550 no such user [MAIL_REFUSED]");
    const cases: readonly (readonly [code: string, why: RegExp])[] = [
      ["mail('', 's', 'b', 'From: s@example.org')", /no recipient.*MAIL_BAD_MESSAGE/],
      ["mail('a@example.org', 's', 'b')", /no sender.*MAIL_BAD_MESSAGE/],
      ["mail('nobody', 's', 'b', 'From: s@example.org')", /not an address.*nobody.*MAIL_BAD_MESSAGE/],
      ["mail('a@example.org', 's', str_repeat('x', 200000), 'From: s@example.org')", /limit of 100000.*MAIL_LIMIT/],
      [
        "mail(implode(',', array_map(fn($n) => \"u$n@example.org\", range(1, 6))), 's', 'b', 'From: s@example.org')",
        /6 recipients.*MAIL_LIMIT/,
      ],
    ];
    for (const [code, why] of cases) {
      const { answer, sent } = await run(`var_dump(${code});`);
      expect(answer.body, code).toContain("bool(false)");
      expect(answer.log.join(), code).toMatch(why);
      expect(sent).toEqual([]);
    }
  });

  test("a request sends as many mails as allowed, and the next request as many again", async () => {
    const code = "for ($i = 0; $i < 5; $i++) echo (int) mail('a@example.org', 's', 'b', 'From: s@example.org');";
    const first = await run(code);
    expect(first.answer.body).toBe("11100");
    expect(first.answer.log.join()).toContain("MAIL_LIMIT");
    expect((await run(code)).answer.body).toBe("11100");
  });

  test("other programs are refused as before", async () => {
    const { answer, sent } = await run(`
      $p = popen('cat > /tmp/x', 'w'); fwrite($p, 'To: a@example.org'); var_dump(pclose($p));
      $p = popen('/usr/sbin/sendmail -t; id', 'w'); fwrite($p, "To: a@example.org\\nFrom: s@example.org\\n\\nx"); var_dump(pclose($p));`);
    expect(answer.body.match(/int\(127\)/g)).toHaveLength(2);
    expect(sent).toEqual([]);
  });
});

describe("a mail while it is written", () => {
  const PIECE = new TextEncoder().encode("x");

  /** Bytes that writing costs, with how much of it the script has. */
  function cost(limits: { size: number; perRequest: number }, write: (desk: MailDesk) => void): number {
    const desk = new MailDesk({ limits, send: async () => {} }, "");
    const memory = () => {
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const before = memory();
    write(desk);
    return memory() - before;
  }
  const open = (desk: MailDesk) => desk.spawn("/usr/sbin/sendmail -t", () => {});

  test("takes about its own bytes, in however small pieces they come, and never more than the limit", () => {
    const write = (desk: MailDesk) => {
      const { stdin } = open(desk);
      for (let i = 0; i < 3_000_000; i++) stdin.write(PIECE);
    };
    expect(cost({ size: 4_000_000, perRequest: 1 }, write)).toBeLessThan(30_000_000);
    expect(cost({ size: 1_000_000, perRequest: 1 }, write)).toBeLessThan(30_000_000);
  });

  test("takes little memory before anything is written, and none when it is one too many", () => {
    const large = new Uint8Array(1_000_000);
    const limits = { size: 25 * 1024 * 1024, perRequest: 3 };
    expect(cost(limits, (desk) => open(desk).stdin.write(PIECE))).toBeLessThan(5_000_000);
    const write = (desk: MailDesk) => {
      for (let i = 0; i < 100; i++) open(desk).stdin.write(large);
    };
    expect(cost(limits, write)).toBeLessThan(60_000_000);
  });
});

test("without anybody who takes mails, mail() gives false and PHP warns what to set", async () => {
  using php = await Fixture.boot({ php: "8.2" });
  const answer = await php.php(
    "ini_set('display_errors', '1'); var_dump(mail('a@example.org', 's', 'b', 'From: s@example.org', '-fx@example.org'));",
  );
  expect(answer.body).toMatch(
    /Warning.*mail\(\).*nobody takes mails here: set mail in the configuration, --smtp or the binding MAIL/s,
  );
  expect(answer.body).toContain("bool(false)");
});

describePeers(["php8.2"], "what mail() hands to sendmail", () => {
  const scratch = makeScratch("mail-native");
  afterAll(() => scratch.remove());

  test("is what native PHP hands to its program, but for what a sendmail adds", async () => {
    const mails: Mail[] = [];
    using php = await Fixture.boot({ php: "8.2" }, { mail: { send: async (mail) => void mails.push(mail) } });
    const program = join(scratch.path, "sendmail");
    const out = join(scratch.path, "out.txt");
    writeFileSync(program, `#!/bin/sh\nprintf '%s\\n' "$*" > ${out}.args\ncat > ${out}\n`);
    chmodSync(program, 0o755);
    const calls = [
      `mail('a@example.org', 'plain', "one\\ntwo", 'From: s@example.org')`,
      `mail('a@example.org', 'array', "one", ['From' => 's@example.org', 'Cc' => 'b@example.org, c@example.org', 'X-L' => ['1', '2'], 'X-A' => 'folded text'])`,
      `mail('a@example.org', 'sender', "one", "From: s@example.org\\r\\nX-B: 2", '-f bounce@example.org')`,
      `mail("a@example.org,\\n b@example.org", "folded\\n subject", "one\\r\\ntwo\\r\\n", 'From: s@example.org')`,
      `mail('a@example.org', "bytes \\xe4", "\\xff\\xe4", 'From: s@example.org')`,
      `mb_send_mail('a@example.org', 'mb', 'text', 'From: s@example.org')`,
    ];
    for (const call of calls) {
      mails.length = 0;
      const script = join(scratch.path, "script.php");
      writeFileSync(script, `<?php mb_language('uni'); echo (int) ${call};`);
      const native = spawnSync(peerPath("php8.2"), ["-d", `sendmail_path=${program} -t -i`, script]);
      const ours = await php.php(`mb_language('uni'); echo (int) ${call};`);
      expect(ours.body, `${call} ${ours.log.join()}`).toBe(native.stdout.toString());
      expect(mails, call).toHaveLength(1);
      const [mail] = mails as [Mail];
      const bytes = readFileSync(out).toString("latin1").replace(/\r?\n/g, "\r\n");
      expect(text(mail.raw).replace(/^(?:Date|Message-ID): .*\r\n/gm, ""), call).toBe(bytes);
      const args = readFileSync(`${out}.args`, "utf8");
      if (args.includes("-f")) expect(mail.from).toBe("bounce@example.org");
    }
  });
});
