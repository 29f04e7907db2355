// The application that the visitor brought: unpacking it, and where it is.

import { signal } from "@preact/signals";
import type { StorageState, UnpackProgress } from "../../../engine/index.ts";
import { dropped } from "../../state/dropped.ts";
import { engine } from "../../state/engine.ts";
import { messageOf } from "../../state/visits.ts";
import { answerSite } from "./answer-site.ts";

/** Where files are; `undefined` until they are opened. */
export const storage = signal<StorageState | undefined>(undefined);
/** While an archive is unpacked. */
export const unpacking = signal<UnpackProgress | undefined>(undefined);
export const problem = signal<string | undefined>(undefined);
/** Grows with every application that was unpacked. */
export const generation = signal(0);
/** Pages of an application can be shown: a service worker is there. `undefined` until that is known. */
export const showable = signal<boolean | undefined>(undefined);

/** Milliseconds that a service worker gets to be installed. */
const PATIENCE = 15_000;

let forgetCookies = () => {};
let opening: Promise<void> | undefined;

/** Opens the files, once. */
export function openStorage(): Promise<void> {
  opening ??= load().catch((error: unknown) => {
    opening = undefined;
    problem.value = `The files could not be opened: ${messageOf(error)}`;
  });
  return opening;
}

async function load(): Promise<void> {
  const state = await engine.files.storage();
  if ("serviceWorker" in navigator) ({ forgetCookies } = answerSite(state.site));
  storage.value = state;
  showable.value = await hasServiceWorker();
}

async function hasServiceWorker(): Promise<boolean> {
  if (!("serviceWorker" in navigator)) return false;
  const registered = await navigator.serviceWorker.getRegistration().catch(() => undefined);
  if (registered === undefined) return false;
  const late = new Promise<boolean>((resolve) => {
    setTimeout(resolve, PATIENCE, false);
  });
  return Promise.race([navigator.serviceWorker.ready.then(() => true), late]);
}

/** Unpacks an archive in the place of the application before. */
export async function bring(zip: Blob): Promise<void> {
  await openStorage();
  if (storage.value === undefined || unpacking.value !== undefined) return;
  problem.value = undefined;
  unpacking.value = { files: 0, totalFiles: 0, bytes: 0, totalBytes: 0 };
  try {
    await engine.files.unpack(zip, (progress) => {
      unpacking.value = progress;
    });
    forgetCookies();
    storage.value = await engine.files.storage();
    generation.value += 1;
  } catch (error) {
    problem.value = `It was not unpacked: ${messageOf(error)}`;
  } finally {
    unpacking.value = undefined;
  }
}

/** Forgets all files that are kept, and starts anew. */
export async function resetFiles(): Promise<void> {
  try {
    await engine.files.reset();
    forgetCookies();
    location.reload();
  } catch (error) {
    problem.value = `The files could not be removed: ${messageOf(error)}`;
  }
}

/** Takes what was dropped on the page, whichever view was open. */
export function takeDropped(): void {
  const file = dropped.value;
  if (file === undefined) return;
  dropped.value = undefined;
  void bring(file);
}
