#!/usr/bin/env node
// The installed command: says clearly when Node is too old, instead of failing in the middle of some import.

/** `fs.globSync` and `Promise.withResolvers` came with it. */
const OLDEST = 22;

if (Number(process.versions.node.split(".", 1)[0]) >= OLDEST) {
  await import("./main.ts");
} else {
  process.stderr.write(
    `edge-fpm: this is Node ${process.versions.node}; the command needs Node ${OLDEST} or later, and 24 for all of PHP. ` +
      "The library (edge-fpm/codec, /connection, /cgi, /client, /server) works here.\n",
  );
  process.exitCode = 1;
}

export {};
