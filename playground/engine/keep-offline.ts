// The page without a network.

/**
 * Keeps the page's own files for visits without a network; PHP is kept by whoever loads it. Does nothing while the page is
 * being worked on (`vite playground`), where a kept copy would hide what was just written, and where the browser has no
 * service workers (plain http on another machine).
 */
export async function keepOffline(): Promise<void> {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register(new URL("sw.js", document.baseURI)).catch(() => undefined);
}
