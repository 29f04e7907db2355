// The request: method and URL in one line, the rest below it.

import type { Connections } from "../../../engine/index.ts";
import { Icon } from "../../components/icon.tsx";
import { Pairs } from "../../components/pairs.tsx";
import { UnkeptNote } from "../../components/unkept-note.tsx";
import { toBase64 } from "../../state/base64.ts";
import { cookies, shownVisit, stop, visits } from "../../state/visits.ts";
import { draft, editDraft, type FormPart, type RequestDraft } from "../../state/workspace.ts";
import { sendDraft } from "./send.ts";

const METHODS = ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"];

const CONNECTIONS: readonly { readonly value: Connections; readonly title: string }[] = [
  { value: "own", title: "a connection a request" },
  { value: "kept", title: "a kept connection" },
  { value: "shared", title: "all requests on one connection" },
];

export function RequestPanel() {
  const { method, url, headers, body, connections, cookies: sendsCookies } = draft.value;
  const shown = visits.value.find(({ id }) => id === shownVisit.value);
  const running = shown?.state === "waiting" || shown?.state === "receiving";
  return (
    <section class="panel request" aria-label="Request">
      <form
        class="request-line"
        onSubmit={(event) => {
          event.preventDefault();
          sendDraft();
        }}
      >
        <label class="visually-hidden" for="method">
          Method
        </label>
        <select
          class="input"
          id="method"
          value={method}
          onChange={(event) => editDraft({ method: event.currentTarget.value })}
        >
          {METHODS.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
        <label class="visually-hidden" for="url">
          Path and query
        </label>
        <input
          class="input mono"
          id="url"
          value={url}
          spellcheck={false}
          autocomplete="off"
          onInput={(event) => editDraft({ url: event.currentTarget.value })}
        />
        {/* With keys they are two elements: one that became "Send" while "Stop" is pressed would send again. */}
        {running && shown !== undefined ? (
          <button key="stop" type="button" class="button danger" onClick={() => stop(shown.id)}>
            <Icon name="stop" />
            Stop
          </button>
        ) : (
          <button key="send" type="submit" class="button primary">
            <Icon name="play" />
            Send
          </button>
        )}
      </form>
      <UnkeptNote name="request" what="this request" />
      <div class="request-details">
        <details>
          <summary>
            Headers <span class="badge">{headers.length}</span>
          </summary>
          <Pairs name="header" pairs={headers} onChange={(changed) => editDraft({ headers: changed })} />
          <label class="check">
            <input
              type="checkbox"
              checked={sendsCookies}
              onChange={(event) => editDraft({ cookies: event.currentTarget.checked })}
            />
            Send the cookies that answers have set ({cookies.value.size})
          </label>
          {cookies.value.size > 0 && (
            <ul class="cookies">
              {[...cookies.value].map(([name, value]) => (
                <li key={name}>
                  <code>
                    {name}={value}
                  </code>
                </li>
              ))}
              <li>
                <button
                  type="button"
                  class="button quiet small"
                  onClick={() => {
                    cookies.value = new Map();
                  }}
                >
                  Forget them
                </button>
              </li>
            </ul>
          )}
        </details>
        <details open={body.kind !== "none"}>
          <summary>
            Body <span class="badge">{body.kind}</span>
          </summary>
          <BodyForm body={body} />
        </details>
        <label class="field inline">
          <span class="label">Over</span>
          <select
            class="input"
            value={connections}
            onChange={(event) => editDraft({ connections: event.currentTarget.value as Connections })}
          >
            {CONNECTIONS.map(({ value, title }) => (
              <option key={value} value={value}>
                {title}
              </option>
            ))}
          </select>
        </label>
      </div>
    </section>
  );
}

function BodyForm({ body }: { readonly body: RequestDraft["body"] }) {
  const setKind = (kind: string) => {
    if (kind === "none") editDraft({ body: { kind } });
    if (kind === "text") editDraft({ body: { kind, type: "application/json", text: "{}" } });
    if (kind === "form") editDraft({ body: { kind, parts: [{ name: "name", value: "value" }], multipart: false } });
    if (kind !== "none" && draft.value.method === "GET") editDraft({ method: "POST" });
  };
  return (
    <div class="body-form">
      <label class="field inline">
        <span class="label">Kind</span>
        <select class="input" value={body.kind} onChange={(event) => setKind(event.currentTarget.value)}>
          <option value="none">none</option>
          <option value="form">form</option>
          <option value="text">text</option>
        </select>
      </label>
      {body.kind === "text" && (
        <>
          <label class="field">
            <span class="label">Content-Type</span>
            <input
              class="input mono"
              value={body.type}
              onInput={(event) => editDraft({ body: { ...body, type: event.currentTarget.value } })}
            />
          </label>
          <label class="field">
            <span class="label">Text</span>
            <textarea
              class="input"
              rows={5}
              value={body.text}
              onInput={(event) => editDraft({ body: { ...body, text: event.currentTarget.value } })}
            />
          </label>
        </>
      )}
      {body.kind === "form" && <FormBody body={body} />}
    </div>
  );
}

function FormBody({ body }: { readonly body: Extract<RequestDraft["body"], { kind: "form" }> }) {
  const set = (parts: readonly FormPart[]) => editDraft({ body: { ...body, parts } });
  const fields = body.parts.filter(({ file }) => file === undefined);
  const files = body.parts.filter(({ file }) => file !== undefined);
  return (
    <>
      <Pairs
        name="field"
        pairs={fields.map(({ name, value }) => [name, value] as const)}
        onChange={(pairs) => set([...pairs.map(([name, value]) => ({ name, value })), ...files])}
      />
      {files.map((part) => (
        <p key={part.name} class="file-part">
          <code>{part.name}</code> {part.file?.name} ({part.file?.size.toLocaleString("en")} bytes)
          <button
            type="button"
            class="button quiet small"
            onClick={() => set(body.parts.filter((other) => other !== part))}
          >
            <Icon name="close" />
            <span class="visually-hidden">Remove the file</span>
          </button>
        </p>
      ))}
      <div class="row">
        <label class="button small">
          <Icon name="upload" />
          Add a file
          <input
            type="file"
            class="visually-hidden"
            onChange={async (event) => {
              const chosen = event.currentTarget.files?.[0];
              if (chosen === undefined) return;
              const file = {
                name: chosen.name,
                type: chosen.type || "application/octet-stream",
                size: chosen.size,
                content: toBase64(new Uint8Array(await chosen.arrayBuffer())),
              };
              set([...body.parts, { name: "file", value: "", file }]);
            }}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={body.multipart || files.length > 0}
            disabled={files.length > 0}
            onChange={(event) => editDraft({ body: { ...body, multipart: event.currentTarget.checked } })}
          />
          multipart/form-data
        </label>
      </div>
    </>
  );
}
