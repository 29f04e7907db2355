// The mails that scripts sent: a page cannot send them on, but show them.

import type { SentMail } from "../../engine/index.ts";
import { mails } from "../state/engine.ts";
import "./mails.css";
import { type ReadMail, readMail } from "./read-mail.ts";

/** Read once each, and numbered. */
const read = new WeakMap<SentMail, ReadMail & { readonly key: number }>();
let lastKey = 0;

function readOnce(mail: SentMail): ReadMail & { readonly key: number } {
  const known = read.get(mail);
  if (known !== undefined) return known;
  lastKey += 1;
  const made = { ...readMail(mail.raw), key: lastKey };
  read.set(mail, made);
  return made;
}

export function Mails() {
  if (mails.value.length === 0) {
    return <p class="empty">No mail yet. What scripts send with mail() is shown here, and sent nowhere.</p>;
  }
  return (
    <ol class="mails" aria-label="Mails of scripts, the last one first">
      {mails.value.map((mail) => (
        <li key={readOnce(mail).key}>
          <MailDetails mail={mail} />
        </li>
      ))}
    </ol>
  );
}

function MailDetails({ mail }: { readonly mail: SentMail }) {
  const { subject, from, date, body, attachments } = readOnce(mail);
  return (
    <details class="mail">
      <summary>
        <span class="mail-subject">{subject || "(no subject)"}</span>
        <span class="hint">to {mail.to.join(", ")}</span>
      </summary>
      <dl>
        <dt>From</dt>
        <dd>{from || mail.from}</dd>
        <dt>Date</dt>
        <dd>{date}</dd>
        {attachments.length > 0 && (
          <>
            <dt>Attached</dt>
            <dd>{attachments.join(", ")}</dd>
          </>
        )}
      </dl>
      {body?.type === "html" ? (
        <iframe class="mail-html" title={`Mail: ${subject}`} sandbox="" srcdoc={body.text} />
      ) : (
        <pre class="mail-text">{body?.text ?? "The mail has no text."}</pre>
      )}
      <details>
        <summary>Source</summary>
        <pre class="mail-text">{new TextDecoder().decode(mail.raw)}</pre>
      </details>
    </details>
  );
}
