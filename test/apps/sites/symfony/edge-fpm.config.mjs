/** @type {import("edge-fpm/gateway").GatewayConfig} */
export default {
  root: "public",
  preset: "symfony",
  pools: { www: { php: "8.2", pm: "static", maxChildren: 3 } },
};
