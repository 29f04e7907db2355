// Mails to a mail server, over a real socket.

import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { type Mail, MailError } from "../../src/mail/index.ts";
import { smtpMailer, smtpUrl } from "../../src/platform/node/smtp.ts";
import { SmtpServer, type SmtpServerOptions } from "./smtp-server.ts";

const servers: SmtpServer[] = [];
async function listening(options: SmtpServerOptions = {}): Promise<{ server: SmtpServer; address: string }> {
  const server = new SmtpServer(options);
  servers.push(server);
  return { server, address: await server.listen() };
}
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const MAIL: Mail = {
  from: "s@example.org",
  author: "s@example.org",
  to: ["a@example.org", "b@example.org"],
  raw: new TextEncoder().encode("From: s@example.org\r\nSubject: dots\r\n\r\n.\r\n..two\r\n.end\r\n"),
};

describe("smtpMailer", () => {
  test("hands over envelope and bytes as they are, dots at line beginnings included", async () => {
    const { server, address } = await listening();
    const send = smtpMailer({ url: `smtp://${address}` });
    await Promise.all([send(MAIL), send({ ...MAIL, from: "" })]);
    expect(server.faults).toEqual([]);
    expect(server.mails.map(({ from }) => from).sort()).toEqual(["", "s@example.org"]);
    for (const { to, data } of server.mails) {
      expect(to).toEqual(MAIL.to);
      expect(data).toBe(Buffer.from(MAIL.raw).toString("latin1"));
    }
  });

  test("carries bytes that are no text, and megabytes of them", async () => {
    const { server, address } = await listening();
    const body = Buffer.alloc(3_000_000, "\xff\xe4 some bytes\r\n", "latin1");
    await smtpMailer({ url: `smtp://${address}` })({
      ...MAIL,
      raw: Buffer.concat([Buffer.from("Subject: s\r\n\r\n"), body, Buffer.from("\r\n")]),
    });
    expect(server.mails[0]?.data.length).toBeGreaterThan(3_000_000);
    expect(server.mails[0]?.data.slice(14, 29)).toBe("\xff\xe4 some bytes\r\n");
  });

  test("logs in where the URL has a user", async () => {
    const { server, address } = await listening({ login: "me@x:p@ss word" });
    await smtpMailer({ url: `smtp://me%40x:p%40ss%20word@${address}` })(MAIL);
    expect(server.mails).toMatchObject([{ login: "me@x:p@ss word" }]);
    const wrong = smtpMailer({ url: `smtp://me:secret@${address}` })(MAIL);
    await expect(wrong).rejects.toMatchObject({
      code: "MAIL_REFUSED",
      message: expect.stringContaining("535 who are you"),
    });
    await expect(wrong).rejects.not.toMatchObject({ message: expect.stringContaining("secret") });
  });

  test("says what the server said when it refuses all recipients", async () => {
    const { server, address } = await listening({ refuse: /./ });
    const sent = smtpMailer({ url: `smtp://${address}` })(MAIL);
    await expect(sent).rejects.toBeInstanceOf(MailError);
    await expect(sent).rejects.toThrow(/550 no such user/);
    expect(server.mails).toEqual([]);
  });

  test("fails when one of the recipients is refused, and says who has got the mail", async () => {
    const { server, address } = await listening({ refuse: /^b@/ });
    await expect(smtpMailer({ url: `smtp://${address}` })(MAIL)).rejects.toMatchObject({
      code: "MAIL_REFUSED",
      message: expect.stringMatching(/ to b@example\.org; already sent to a@example\.org$/),
    });
    expect(server.mails).toMatchObject([{ to: ["a@example.org"] }]);
  });

  test("sends to addresses that are not ASCII where the server takes them, and says so where it does not", async () => {
    const mail = { ...MAIL, to: ["a@example.org", "\u00fc@ex\u00e4mple.org"] };
    const modern = await listening({ utf8: true });
    await smtpMailer({ url: `smtp://${modern.address}` })(mail);
    const plain = await listening();
    await expect(smtpMailer({ url: `smtp://${plain.address}` })(mail)).rejects.toMatchObject({
      code: "MAIL_REFUSED",
      message: expect.stringMatching(/does not offer SMTPUTF8.* \u00fc@ex\u00e4mple\.org$/),
    });
    const sent = modern.server.mails.map(({ to }) => to.map((one) => Buffer.from(one, "latin1").toString()));
    expect(sent).toEqual([mail.to]);
    expect([...modern.server.faults, ...plain.server.faults, ...plain.server.mails]).toEqual([]);
  });

  test("a server that goes on answering, a line at a time and never the last one, is given up", async () => {
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const drip = createServer((socket) => {
      socket.on("error", () => {});
      socket.write("220 welcome\r\n");
      const timer = setInterval(() => socket.write("250-and more\r\n"), 50);
      socket.on("close", () => resolve(clearInterval(timer)));
    });
    drip.listen(0, "127.0.0.1");
    await once(drip, "listening");
    const { port } = drip.address() as AddressInfo;
    try {
      const sent = smtpMailer({ url: `smtp://127.0.0.1:${port}`, timeout: 150 })(MAIL);
      await expect(sent).rejects.toMatchObject({ code: "MAIL_REFUSED" });
      await ended;
    } finally {
      drip.close();
    }
  });

  test("gives up on a server that is not there, and on one that never speaks", async () => {
    const { server, address } = await listening({ silent: true });
    await expect(smtpMailer({ url: `smtp://${address}`, timeout: 300 })(MAIL)).rejects.toMatchObject({
      code: "MAIL_REFUSED",
    });
    server.close();
    await expect(smtpMailer({ url: `smtp://${address}` })(MAIL)).rejects.toThrow(/ECONNREFUSED/);
  });

  test("takes URLs of mail servers only, and shows no password", () => {
    expect(smtpUrl("smtps://mail.example.org").hostname).toBe("mail.example.org");
    for (const url of [
      "http://x:secret@y",
      "smtp://x:a/secret:@b@y",
      "x:secret@y",
      "mail.example.org",
      "smtp://",
      "",
    ]) {
      expect(() => smtpUrl(url)).toThrow(TypeError);
      expect(() => smtpUrl(url)).not.toThrow(/secret/);
    }
  });
});
