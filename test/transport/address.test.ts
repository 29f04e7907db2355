import { describe, expect, test } from "vitest";
import { formatAddress, parseAddress } from "../../src/transport/address.ts";

describe("parseAddress", () => {
  test.each([
    ["tcp://127.0.0.1:9000", { type: "tcp", host: "127.0.0.1", port: 9000 }],
    ["127.0.0.1:9000", { type: "tcp", host: "127.0.0.1", port: 9000 }],
    ["php:9000", { type: "tcp", host: "php", port: 9000 }],
    ["[::1]:9000", { type: "tcp", host: "::1", port: 9000 }],
    ["tcp://[::1]:0", { type: "tcp", host: "::1", port: 0 }],
    [":9000", { type: "tcp", host: "127.0.0.1", port: 9000 }],
    ["9000", { type: "tcp", host: "127.0.0.1", port: 9000 }],
    ["unix:/run/app.sock", { type: "unix", path: "/run/app.sock" }],
    ["unix:///run/app.sock", { type: "unix", path: "/run/app.sock" }],
    ["/run/app.sock", { type: "unix", path: "/run/app.sock" }],
  ])("reads %s", (text, address) => {
    const parsed = parseAddress(text);
    expect(parsed).toEqual(address);
    expect(parseAddress(formatAddress(parsed))).toEqual(parsed);
  });

  test.each([
    ["", "the port is missing"],
    ["localhost", "the port is missing"],
    ["localhost:", 'the port is ""'],
    ["localhost:http", 'the port is "http"'],
    ["localhost:65536", 'the port is "65536"'],
    ["::1:9000", "an IPv6 address must stand in brackets"],
    ["[]:9000", "the brackets are empty"],
    ["a b:9000", "a space or a control character"],
    ["http://localhost:9000", "neither host:port nor an absolute path"],
    ["unix:run/app.sock", "must be absolute"],
    ["run/app.sock", "neither host:port nor an absolute path"],
    [`/${"x".repeat(107)}`, "the path is 108 bytes long, a Unix socket allows 107"],
  ])("refuses %j and says why", (text, reason) => {
    expect(() => parseAddress(text)).toThrow(reason);
    expect(() => parseAddress(text)).toThrow("Use tcp://127.0.0.1:9000");
  });
});
