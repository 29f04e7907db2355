// Writing to standard output as a filter does.

/** `edge-fpm request ... | head` ends with head, as any filter does, and not with a complaint. */
export function stopWhenNobodyReads(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    // 128 + SIGPIPE, what a shell reports of cat.
    process.exit(141);
  });
}

/** Writes text or bytes; settles when there is room for more. */
export function print(text: string | Uint8Array): Promise<void> | undefined {
  if (process.stdout.write(text)) return undefined;
  return new Promise((resolve) => process.stdout.once("drain", resolve));
}
