import { defineConfig } from "edge-fpm/gateway";

export default defineConfig({
  root: "public",
  frontController: "/index.php",
  pools: { www: { php: "8.4", maxChildren: 4 } },
  listen: { host: "127.0.0.1", port: 8080 },
  trustedProxies: { from: ["127.0.0.1"] },
});
