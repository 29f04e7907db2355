/** @type {import("edge-fpm/gateway").GatewayConfig} */
export default {
  root: "public",
  preset: "laravel",
  pools: { www: { php: "8.2", pm: "static", maxChildren: 3 } },
};
