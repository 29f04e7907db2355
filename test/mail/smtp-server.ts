// A mail server for tests: RFC 5321 as a strict server has it, over a real socket. It keeps what it accepts.

import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** Byte string, dots at line beginnings taken out again. */
  readonly data: string;
  /** User and password, if there were any. */
  readonly login?: string;
}

export interface SmtpServerOptions {
  /** Refuses recipients that this matches. */
  readonly refuse?: RegExp;
  /** Accepts no mail without this user and password, "user:password". */
  readonly login?: string;
  /** Takes addresses that are not ASCII. */
  readonly utf8?: boolean;
  /** Never says a word. */
  readonly silent?: boolean;
}

export class SmtpServer {
  readonly mails: ReceivedMail[] = [];
  /** Lines that broke the protocol. */
  readonly faults: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #options: SmtpServerOptions;

  constructor(options: SmtpServerOptions = {}) {
    this.#options = options;
    this.#server = createServer((socket) => this.#talk(socket));
  }

  /** @returns `host:port` */
  listen(): Promise<string> {
    return new Promise((resolve) => {
      this.#server.listen(0, "127.0.0.1", () => {
        resolve(`127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
      });
    });
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #talk(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
    if (this.#options.silent === true) return;
    const { refuse, login, utf8 } = this.#options;
    let buffer = "";
    let from: string | undefined;
    let to: string[] = [];
    let known: string | undefined;
    let inData = false;
    let international = false;
    const say = (line: string) => socket.write(`${line}\r\n`);
    const command = (line: string) => {
      const upper = line.toUpperCase();
      const mailbox = /<([^<>]*)>/.exec(line)?.[1];
      if (upper.startsWith("EHLO ")) {
        say("250-test at your service");
        if (login !== undefined) say("250-AUTH PLAIN");
        if (utf8 === true) say("250-SMTPUTF8");
        say("250-8BITMIME");
        say("250 SIZE 50000000");
      } else if (upper.startsWith("AUTH PLAIN ")) {
        known = Buffer.from(line.slice(11), "base64").toString("latin1").split("\0").slice(1).join(":");
        say(known === login ? "235 welcome" : "535 who are you");
      } else if (upper.startsWith("MAIL FROM:") && mailbox !== undefined) {
        international = upper.includes(" SMTPUTF8");
        if (login !== undefined && known !== login) return void say("530 log in first");
        from = mailbox;
        to = [];
        say("250 ok");
      } else if (upper.startsWith("RCPT TO:") && mailbox !== undefined && from !== undefined) {
        if (!international && /\P{ASCII}/u.test(mailbox)) this.faults.push(line);
        if (refuse?.test(mailbox) === true) return void say(`550 no such user ${mailbox}`);
        to.push(mailbox);
        say("250 ok");
      } else if (upper === "DATA") {
        if (from === undefined || to.length === 0) return void say("503 nobody to send to");
        inData = true;
        say("354 go ahead");
      } else if (upper === "RSET" || upper === "NOOP") say("250 ok");
      else if (upper === "QUIT") {
        say("221 bye");
        socket.end();
      } else {
        this.faults.push(line);
        say("500 what");
      }
      return undefined;
    };
    socket.setEncoding("latin1").on("data", (text: string) => {
      buffer += text;
      for (;;) {
        const end = inData ? buffer.indexOf("\r\n.\r\n") : buffer.indexOf("\r\n");
        if (end < 0) return;
        const part = buffer.slice(0, end);
        buffer = buffer.slice(end + (inData ? 5 : 2));
        if (/(?:[^\r]|^)\n|\r(?!\n)/.test(part)) this.faults.push(`a bare line end in ${part.slice(0, 40)}`);
        if (!inData) command(part);
        else {
          inData = false;
          const data = `${part}\r\n`.replace(/^\./gm, "");
          this.mails.push({ from: from ?? "", to, data, ...(known !== undefined && { login: known }) });
          say("250 taken");
        }
      }
    });
    say("220 test");
  }
}
