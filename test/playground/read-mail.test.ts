import { describe, expect, test } from "vitest";
import { readMail } from "../../playground/ui/components/read-mail.ts";

const read = (text: string) => readMail(new TextEncoder().encode(text.replace(/\n/g, "\r\n")));

describe("a mail, as it is shown", () => {
  test("has its subject, addresses and text", () => {
    expect(
      read("From: Ada <a@example.org>\nTo: b@example.org\nSubject: Hi\n there\nDate: today\n\nLine\n\nMore"),
    ).toEqual({
      subject: "Hi there",
      from: "Ada <a@example.org>",
      to: "b@example.org",
      date: "today",
      body: { type: "text", text: "Line\r\n\r\nMore" },
      attachments: [],
    });
  });

  test.each([
    ["=?UTF-8?B?R3LDpGZpbg==?=", "Gräfin"],
    ["=?iso-8859-1?q?Gr=E4fin_Ada?= and =?utf-8?Q?=E2=82=AC?=", "Gräfin Ada and €"],
    ["=?utf-8?Q?one?=  =?utf-8?Q?two?=", "onetwo"],
    ["bare Gräfin", "bare Gräfin"],
    ["=?no-such?B?w6Q=?= =?utf-8?B?%%%?=", "Ã¤"],
    ["=?broken", "=?broken"],
  ])("shows the subject %s as %s", (written, shown) => {
    expect(read(`Subject: ${written}\n\n`).subject).toBe(shown);
  });

  test("is decoded from base64, quoted-printable and other charsets", () => {
    const head = "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding:";
    expect(read(`${head} base64\n\nR3Lk\nZmlu\n`).body?.text).toBe("Gräfin");
    expect(read(`${head} Quoted-Printable\n\nGr=E4fi=\nn  \nok`).body?.text).toBe("Gräfin\r\nok");
  });

  test("of several parts shows plain text before HTML, and names what is attached", () => {
    const parts = (inner: string) =>
      `Content-Type: multipart/mixed; boundary="a b"\n\nfor old readers\n--a b\n${inner}\n--a b--\nafter`;
    const html = "Content-Type: text/html\n\n<b>x</b>";
    const file =
      'Content-Type: text/plain\nContent-Disposition: attachment; filename="=?utf-8?Q?a=C3=A4.txt?="\n\nfile';
    expect(read(parts(`${html}\n--a b\n${file}`))).toMatchObject({
      body: { type: "html", text: "<b>x</b>" },
      attachments: ["aä.txt"],
    });
    const nested = `Content-Type: multipart/alternative; boundary=c\n\n--c\n${html}\n--c\nContent-Type: text/plain\n\nplain\n--c--`;
    expect(read(parts(nested)).body).toEqual({ type: "text", text: "plain" });
    expect(read(parts(file)).body).toBeUndefined();
  });

  test("that is damaged is shown as far as it goes", () => {
    for (const text of [
      "",
      "\n",
      "no header",
      "Content-Type: multipart/mixed\n\nx",
      "Content-Type: multipart/mixed; boundary=x\n\nx",
    ]) {
      expect(read(text).attachments).toEqual([]);
    }
    // Parts in parts without end.
    expect(read("Content-Type: multipart/x; boundary=a\n\n--a\n".repeat(50)).attachments).toEqual([]);
  });
});
