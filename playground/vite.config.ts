// Builds the playground: a static folder that works under any path of any host.

import { fileURLToPath } from "node:url";
import preact from "@preact/preset-vite";
import { defineConfig } from "vite";
import { licenses } from "./build/licenses.ts";
import { offline, SERVICE_WORKER } from "./build/offline.ts";
import { phpFiles, phpPackageFolders } from "./build/php-files.ts";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const notices = licenses(phpPackageFolders());

export default defineConfig({
  root: path("."),
  base: "./",
  plugins: [preact(), phpFiles(), notices.page, offline()],
  worker: { format: "es", plugins: () => [notices.worker()] },
  // What only Workers import is not found from the pages: without this the first visit would be reloaded.
  optimizeDeps: { entries: ["*.html", "engine/*.worker.ts"] },
  server: { host: "127.0.0.1" },
  preview: { host: "127.0.0.1" },
  build: {
    outDir: path("../dist-playground"),
    emptyOutDir: true,
    target: "es2023",
    rolldownOptions: {
      input: { index: path("index.html"), engine: path("engine.html"), sw: path("service-worker.ts") },
      output: {
        entryFileNames: ({ name }) => (name === "sw" ? SERVICE_WORKER : "assets/[name]-[hash].js"),
      },
    },
  },
});
