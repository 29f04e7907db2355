// OpenSSL's random generator, whose state is in linear memory and so in every copy of it. It seeds itself anew when it
// finds itself in another process; it must be told to where the build gives all interpreters one process id, and when a copy
// that was kept in a file goes to a child with the process id of the one it was taken of.

import type { PhpModule } from "../glue.ts";
import type { PhpHost } from "../host.ts";
import { writeOwnFile } from "../own-files.ts";

const FOLDER = "/internal/shared";
const SEED = `${FOLDER}/random`;
const CONFIG = `${FOLDER}/random.cnf`;
const SCRIPT = `${FOLDER}/reseed.php`;

/** Bytes of fresh randomness: OpenSSL takes them for as many as its strongest generator needs several times over. */
const SEED_BYTES = 256;

/**
 * The only functions of PHP that have OpenSSL read a file of randomness are those that make keys, and they do so before
 * they look at what is asked of them: the curve's missing name ends the call there.
 */
const CODE = `<?php
if (function_exists('openssl_pkey_new')) {
  @openssl_pkey_new(['config' => '${CONFIG}', 'private_key_type' => OPENSSL_KEYTYPE_EC, 'private_key_bits' => 2048]);
  while (openssl_error_string() !== false);
  error_clear_last();
}
`;

const CONFIGURATION = `[req]\nRANDFILE = ${SEED}\ndistinguished_name = name\n[name]\n`;

/** Mixes fresh randomness into OpenSSL's generator of an interpreter that is about to serve. */
export async function reseedOpenSsl(module: PhpModule, host: PhpHost): Promise<void> {
  const seed = crypto.getRandomValues(new Uint8Array(SEED_BYTES));
  writeOwnFile(module, SEED, seed);
  writeOwnFile(module, CONFIG, CONFIGURATION);
  writeOwnFile(module, SCRIPT, CODE);
  const nobody = { headers() {}, stdout() {}, stderr() {}, log() {}, finishRequest() {} };
  try {
    await host.run({ scriptFilename: SCRIPT, params: [["REQUEST_METHOD", "GET"]], body: new Uint8Array(0) }, nobody);
  } finally {
    writeOwnFile(module, SEED, new Uint8Array(0));
  }
}
