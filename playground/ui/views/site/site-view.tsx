// An application of the visitor's own: dropped as a zip archive, run by the pool, shown as a site.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Icon } from "../../components/icon.tsx";
import { Mails } from "../../components/mails.tsx";
import { dropped } from "../../state/dropped.ts";
import { mails } from "../../state/engine.ts";
import { bring, openStorage, problem, resetFiles, showable, storage, takeDropped, unpacking } from "./application.ts";
import { Preview } from "./preview.tsx";
import "./site.css";

export function SiteView() {
  const zip = dropped.value;
  useEffect(() => void openStorage(), []);
  useEffect(() => {
    if (zip !== undefined) takeDropped();
  }, [zip]);
  const { application } = storage.value ?? {};
  return (
    <section class="page site" aria-label="Application" data-running={application !== undefined}>
      <header class="view-head">
        <h1>Application</h1>
        <p>
          Drop a zip of a PHP application on this page: WordPress with its SQLite plugin, or anything with an index.php.
          It is unpacked here, run by the pool of this page, and sent nowhere.
        </p>
      </header>
      {problem.value !== undefined && (
        <p class="failure" role="alert">
          {problem.value}
        </p>
      )}
      <Bar running={application !== undefined} />
      {unpacking.value !== undefined ? (
        <Unpacking />
      ) : application === undefined ? (
        <Empty />
      ) : (
        <Shown path={application} />
      )}
      {mails.value.length > 0 && (
        <section class="panel sent" aria-label="Mails">
          <div class="panel-head">
            <h2>Mails</h2>
            <p class="hint">Shown here, and sent nowhere.</p>
          </div>
          <Mails />
        </section>
      )}
    </section>
  );
}

function Bar({ running }: { readonly running: boolean }) {
  const busy = unpacking.value !== undefined;
  return (
    <div class="panel bring">
      <label class={`button file-button ${running ? "" : "primary"}`}>
        <Icon name="upload" />
        {running ? "Another zip" : "Choose a zip"}
        <input
          type="file"
          class="visually-hidden"
          accept=".zip,application/zip"
          disabled={busy}
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file !== undefined) void bring(file);
            event.currentTarget.value = "";
          }}
        />
      </label>
      <p class="hint">
        <Where />
      </p>
      <Reset />
    </div>
  );
}

/** Where the files are, and how long. */
function Where() {
  const state = storage.value;
  if (state === undefined) return <>Opening the files ...</>;
  if (state.kept) return <>Files are kept in this browser until you reset them, sessions and databases too.</>;
  switch (state.reason) {
    case "another-page":
      return <>Another tab has the files of this playground: this one has its own, in memory, until it is closed.</>;
    case "failed":
      return (
        <>
          The files of this browser cannot be opened ({state.message}). This tab has its own, in memory; Reset files
          removes the others.
        </>
      );
    default:
      return <>This browser or window keeps no files for pages: they are in memory, until the tab is closed.</>;
  }
}

/** Asks once more before it removes anything. */
function Reset() {
  const asked = useSignal(false);
  const state = storage.value;
  if (state === undefined || (!state.kept && state.reason !== "failed")) return null;
  if (!asked.value) {
    return (
      <button
        type="button"
        class="button quiet"
        onClick={() => {
          asked.value = true;
        }}
      >
        <Icon name="trash" />
        Reset files
      </button>
    );
  }
  return (
    <span class="ask">
      <button type="button" class="button danger" onClick={() => void resetFiles()}>
        Remove all files
      </button>
      <button
        type="button"
        class="button quiet"
        onClick={() => {
          asked.value = false;
        }}
      >
        Keep them
      </button>
    </span>
  );
}

function Empty() {
  return (
    <div class="drop-here">
      <Icon name="upload" />
      <p>Drop a zip here, or anywhere on the page.</p>
      <p class="hint">
        At most 128 MB packed and 20,000 files, with an index.php at the top or in public. It gets an address below this
        page, and runs with this page's rights: bring what you trust.
      </p>
    </div>
  );
}

function Unpacking() {
  const { files, totalFiles, bytes, totalBytes } = unpacking.value ?? {
    files: 0,
    totalFiles: 0,
    bytes: 0,
    totalBytes: 0,
  };
  const count = (number: number) => number.toLocaleString("en");
  return (
    <div class="panel unpacking" role="status">
      <progress aria-label="Unpacked" max={Math.max(1, totalBytes)} value={bytes} />
      <p>{totalFiles === 0 ? "Reading the archive ..." : `${count(files)} of ${count(totalFiles)} files unpacked`}</p>
    </div>
  );
}

function Shown({ path }: { readonly path: string }) {
  if (showable.value === undefined) return <p class="empty panel">One moment ...</p>;
  if (showable.value) return <Preview path={path} />;
  return (
    <p class="empty panel">
      It is unpacked, but its pages cannot be shown here: that needs a service worker, which this browser does not have
      for this page. In the workbench it answers at {path}.
    </p>
  );
}
