// A set-up as the configuration of nginx, Apache httpd, Caddy, php-fpm and edge-fpm. Pure: text out of a `Setup`.

import { keeps, keptConnections, readTimeout, type Setup, seconds, socketOf, TCP } from "./setup.ts";

export interface SetupText {
  readonly id: "nginx" | "apache" | "caddy" | "php-fpm" | "edge-fpm" | "edge-fpm-config";
  readonly title: string;
  /** Where it goes. */
  readonly file: string;
  readonly text: string;
  /** What to know about it, in one or two sentences. */
  readonly note: string;
}

/** All of them, in the order in which they are shown. */
export function setupTexts(setup: Setup): readonly SetupText[] {
  return [nginx(setup), apache(setup), caddy(setup), phpFpm(setup), edgeFpm(setup), edgeFpmConfig(setup)];
}

/** nginx's `http` block holds it: `sites-available` and `conf.d` are included there. */
export function nginx(setup: Setup): SetupText {
  const { root, host, listen, frontController } = setup;
  const server = listen === "unix" ? `unix:${socketOf(setup)}` : TCP;
  const lines = [
    "upstream php {",
    `    server ${server};`,
    ...(keeps(setup) ? [`    keepalive ${keptConnections(setup)};`] : []),
    "}",
    "",
    "server {",
    "    listen 80;",
    `    server_name ${host};`,
    `    root ${root};`,
    "    index index.php index.html;",
    "",
    "    location / {",
    `        try_files $uri $uri/ ${frontController ? "/index.php?$query_string" : "=404"};`,
    "    }",
    "",
    "    location ~ \\.php$ {",
    "        try_files $uri =404;",
    "        include fastcgi.conf;",
    "        fastcgi_pass php;",
    ...(keeps(setup) ? ["        fastcgi_keep_conn on;"] : []),
    `        fastcgi_read_timeout ${readTimeout(setup)}s;`,
    "    }",
    "",
    `    location ~ ^(?:${setup.statusPath}|${setup.pingPath})$ {`,
    "        allow 127.0.0.1;",
    "        deny all;",
    "        include fastcgi.conf;",
    "        fastcgi_pass php;",
    "    }",
    "}",
  ];
  return {
    id: "nginx",
    title: "nginx",
    file: "/etc/nginx/sites-available/default",
    text: joined(lines),
    note: keeps(setup)
      ? "A connection that nginx keeps holds a child of php-fpm: keep fewer than there are children."
      : "nginx opens a connection for every request and ends it with the answer, unless told to keep it.",
  };
}

export function apache(setup: Setup): SetupText {
  const { root, host, listen, frontController } = setup;
  // With a socket, the name behind "fcgi://" is a label; with TCP it is the address.
  const worker = listen === "unix" ? `unix:${socketOf(setup)}|fcgi://php` : `fcgi://${TCP}`;
  const settings = [
    ...(keeps(setup) ? ["enablereuse=on", `max=${keptConnections(setup)}`] : ["disablereuse=on"]),
    `timeout=${readTimeout(setup)}`,
  ];
  const lines = [
    "# a2enmod proxy_fcgi",
    "<VirtualHost *:80>",
    `    ServerName ${host}`,
    `    DocumentRoot ${root}`,
    "    DirectoryIndex index.php index.html",
    "",
    `    <Directory ${root}>`,
    "        Require all granted",
    ...(frontController ? ["        FallbackResource /index.php"] : []),
    "    </Directory>",
    "",
    `    <Proxy "${listen === "unix" ? worker : `${worker}/`}" ${settings.join(" ")}>`,
    "    </Proxy>",
    "",
    '    <FilesMatch "\\.php$">',
    '        <If "-f %{REQUEST_FILENAME}">',
    `            SetHandler "proxy:${worker}"`,
    "        </If>",
    "    </FilesMatch>",
    "",
    `    <LocationMatch "^(?:${setup.statusPath}|${setup.pingPath})$">`,
    "        Require local",
    `        SetHandler "proxy:${worker}"`,
    "    </LocationMatch>",
    "</VirtualHost>",
  ];
  return {
    id: "apache",
    title: "Apache",
    file: "/etc/apache2/sites-available/000-default.conf",
    text: joined(lines),
    note: keeps(setup)
      ? "enablereuse keeps connections, one a thread of Apache; max bounds them."
      : "mod_proxy_fcgi closes the connection after each answer.",
  };
}

export function caddy(setup: Setup): SetupText {
  const { root, host, listen, frontController } = setup;
  const upstream = listen === "unix" ? `unix/${socketOf(setup)}` : TCP;
  const lines = [
    `${host} {`,
    `\troot * ${root}`,
    "",
    `\t@internal path ${setup.statusPath} ${setup.pingPath}`,
    "\thandle @internal {",
    "\t\t@others not remote_ip 127.0.0.1 ::1",
    "\t\trespond @others 403",
    `\t\treverse_proxy ${upstream} {`,
    "\t\t\ttransport fastcgi",
    "\t\t}",
    "\t}",
    "",
    `\tphp_fastcgi ${upstream} {`,
    ...(frontController ? [] : ["\t\ttry_files {path} {path}/index.php =404"]),
    `\t\tread_timeout ${readTimeout(setup)}s`,
    "\t}",
    "\tfile_server",
    "}",
  ];
  return {
    id: "caddy",
    title: "Caddy",
    file: "/etc/caddy/Caddyfile",
    text: joined(lines),
    note: "Caddy opens a connection for every request; its FastCGI transport keeps none.",
  };
}

export function phpFpm(setup: Setup): SetupText {
  const { pool, listen, php } = setup;
  const lines = [
    `[${pool.name}]`,
    "user = www-data",
    "group = www-data",
    "",
    `listen = ${listen === "unix" ? socketOf(setup) : TCP}`,
    ...(listen === "unix"
      ? ["listen.owner = www-data", "listen.group = www-data", "listen.mode = 0660"]
      : ["listen.allowed_clients = 127.0.0.1"]),
    `listen.backlog = ${pool.listenBacklog}`,
    "",
    `pm = ${pool.pm}`,
    `pm.max_children = ${pool.maxChildren}`,
    ...(pool.pm === "dynamic"
      ? [
          `pm.start_servers = ${pool.startServers}`,
          `pm.min_spare_servers = ${pool.minSpareServers}`,
          `pm.max_spare_servers = ${pool.maxSpareServers}`,
        ]
      : []),
    ...(pool.pm === "ondemand" ? [`pm.process_idle_timeout = ${seconds(pool.processIdleTimeout)}s`] : []),
    `pm.max_requests = ${pool.maxRequests}`,
    "",
    `request_terminate_timeout = ${pool.requestTerminateTimeout === 0 ? 0 : `${seconds(pool.requestTerminateTimeout)}s`}`,
    "",
    `pm.status_path = ${setup.statusPath}`,
    `ping.path = ${setup.pingPath}`,
    "",
    "catch_workers_output = yes",
  ];
  return {
    id: "php-fpm",
    title: "php-fpm",
    file: `/etc/php/${php}/fpm/pool.d/${pool.name}.conf`,
    text: joined(lines),
    note: "edge-fpm reads this file too: edge-fpm fpm -y, with any web server in front of it.",
  };
}

/** The same without a web server and without php-fpm. */
export function edgeFpm(setup: Setup): SetupText {
  const { root, php, pool, frontController } = setup;
  const options = [
    `--php ${php}`,
    `--pm ${pool.pm}`,
    `--children ${pool.maxChildren}`,
    ...(pool.maxRequests > 0 ? [`--max-requests ${pool.maxRequests}`] : []),
    ...(pool.requestTerminateTimeout > 0 ? [`--terminate-timeout ${seconds(pool.requestTerminateTimeout)}`] : []),
    ...(frontController ? ["--front /index.php"] : []),
  ];
  return {
    id: "edge-fpm",
    title: "edge-fpm serve",
    file: "a terminal",
    text: joined([
      `npx edge-fpm serve ${root} \\`,
      ...options.map((option, i) => `    ${option}${i < options.length - 1 ? " \\" : ""}`),
    ]),
    note: "One program: gateway, master and children. No PHP needs to be installed.",
  };
}

export function edgeFpmConfig(setup: Setup): SetupText {
  const { root, host, php, pool, frontController } = setup;
  const lines = [
    'import { defineConfig } from "edge-fpm/gateway";',
    "",
    "export default defineConfig({",
    `  hosts: ["${host}"],`,
    `  root: "${root}",`,
    '  index: ["index.php", "index.html"],',
    ...(frontController ? ['  frontController: "/index.php",'] : []),
    "  pools: {",
    `    ${/^[a-z]\w*$/i.test(pool.name) ? pool.name : JSON.stringify(pool.name)}: {`,
    `      php: "${php}",`,
    `      pm: "${pool.pm}",`,
    `      maxChildren: ${pool.maxChildren},`,
    ...(pool.pm === "dynamic"
      ? [
          `      startServers: ${pool.startServers},`,
          `      minSpareServers: ${pool.minSpareServers},`,
          `      maxSpareServers: ${pool.maxSpareServers},`,
        ]
      : []),
    ...(pool.pm === "ondemand" ? [`      processIdleTimeout: ${thousands(pool.processIdleTimeout)},`] : []),
    `      maxRequests: ${pool.maxRequests},`,
    `      requestTerminateTimeout: ${thousands(pool.requestTerminateTimeout)},`,
    `      listenBacklog: ${pool.listenBacklog},`,
    `      statusPath: "${setup.statusPath}",`,
    `      pingPath: "${setup.pingPath}",`,
    "    },",
    "  },",
    "});",
  ];
  return {
    id: "edge-fpm-config",
    title: "edge-fpm.config.ts",
    file: "edge-fpm.config.ts",
    text: joined(lines),
    note: "Durations are milliseconds. edge-fpm serve reads it; requests reach children over connections that stay open.",
  };
}

/** A number as a person writes it in TypeScript. */
function thousands(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, "_");
}

function joined(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}
