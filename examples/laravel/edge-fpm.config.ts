import { defineConfig } from "edge-fpm/gateway";

export default defineConfig({
  root: "public",
  preset: "laravel",
  pools: { www: { php: "8.2", maxChildren: 3 } },
});
