// What is never part of a deployed application unless its author says so: version control, tools, secrets. Names only.

/** Patterns of .gitignore's kind. A `!pattern` in the application's own rules brings a thing back. */
export const NEVER_DEPLOYED: readonly string[] = [
  // Version control and what editors and systems leave behind.
  ".git",
  ".hg/",
  ".svn/",
  "CVS/",
  ".gitignore",
  ".gitattributes",
  ".gitmodules",
  ".github/",
  ".idea/",
  ".vscode/",
  ".DS_Store",
  "Thumbs.db",
  "*~",
  "*.swp",
  "*.swo",
  ".nfs*",
  // Tools: their settings, caches and output.
  "node_modules/",
  ".cache/",
  ".edge-fpm/",
  ".edgefpmignore",
  ".wrangler/",
  "/wrangler.toml",
  "/wrangler.json",
  "/wrangler.jsonc",
  ".phpunit.result.cache",
  ".php-cs-fixer.cache",
  ".sass-cache/",
];

const SECRET = [
  // Environments: at the edge they are vars and secrets of the Worker. Examples tell nothing.
  /^\.env(?!\.(?:example|sample|dist|template)$)(?:\..*)?$/i,
  /^\.dev\.vars(?:\..*)?$/i,
  // Keys and logins of tools.
  /^\.(?:npmrc|netrc|pypirc|pgpass|my\.cnf|git-credentials|htpasswd)$/i,
  /^auth\.json$/i,
  /\.(?:p12|pfx|ppk|jks|keystore|kdbx)$/i,
];

const SECRET_FOLDERS = new Set([".ssh", ".aws", ".gnupg", ".azure", ".kube"]);

/** Whether a relative path names a secret, wherever it lies. */
export function isSecret(path: string): boolean {
  const segments = path.split("/");
  const name = segments.pop() ?? "";
  return segments.some((folder) => SECRET_FOLDERS.has(folder)) || SECRET.some((pattern) => pattern.test(name));
}

/** Whether a file may hold a private key: its content tells, since certificates have the same names. */
export function isKeyFile(path: string): boolean {
  return /\.(?:pem|key)$|(?:^|\/)id_(?:rsa|dsa|ecdsa|ed25519)$/i.test(path);
}
