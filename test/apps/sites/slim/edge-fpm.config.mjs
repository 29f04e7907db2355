/** @type {import("edge-fpm/gateway").GatewayConfig} */
export default {
  root: "public",
  frontController: "/index.php",
  pools: { www: { php: "8.2", pm: "static", maxChildren: 3 } },
};
