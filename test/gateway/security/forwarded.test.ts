import { describe, expect, test } from "vitest";
import type { NameValue } from "../../../src/cgi/index.ts";
import { addressRanges, parseAddress } from "../../../src/gateway/request/address-ranges.ts";
import { clientOf, type ForwardedOptions, trustedPeers } from "../../../src/gateway/request/forwarded.ts";

const info = { remoteAddress: "10.0.0.1", remotePort: 5000, scheme: "http" as const, serverPort: 8080 };
const TRUSTED = ["10.0.0.0/8", "2001:db8::/32"];

function client(headers: readonly NameValue[], options: ForwardedOptions & { readonly from?: string[] } = {}) {
  const { from = TRUSTED, take = ["for", "proto", "host", "port"], ...rest } = options;
  return clientOf(info, [["Host", "site.test"], ...headers], trustedPeers(from, { take, ...rest }));
}
const xff = (...values: string[]): NameValue[] => values.map((value) => ["X-Forwarded-For", value]);

describe("address ranges", () => {
  test.each([
    ["192.0.2.0/24", "192.0.2.255", true],
    ["192.0.2.0/24", "192.0.3.0", false],
    ["192.0.2.128/25", "192.0.2.127", false],
    ["192.0.2.1", "192.0.2.1", true],
    ["192.0.2.1", "192.0.2.2", false],
    ["0.0.0.0/0", "203.0.113.9", true],
    ["0.0.0.0/0", "::1", false],
    ["::/0", "2001:db8::1", true],
    ["::/0", "127.0.0.1", false],
    ["2001:db8::/32", "2001:db8:ffff::1", true],
    ["2001:db8::/33", "2001:db8:8000::1", false],
    ["::1", "0:0:0:0:0:0:0:1", true],
    ["127.0.0.0/8", "::ffff:127.0.0.1", true],
    ["::ffff:10.0.0.0/104", "10.9.9.9", true],
    ["fe80::/10", "FEBF::1", true],
    ["192.0.2.0/24", "192.0.2.1x", false],
    ["192.0.2.0/24", "192.0.2.01", false],
    ["192.0.2.0/24", "", false],
  ])("%s holds %s: %s", (range, address, held) => {
    expect(addressRanges([range]).has(address)).toBe(held);
  });

  test("a peer on a Unix socket has no address, and is meant by unix:", () => {
    expect(addressRanges(["unix:"]).has(undefined)).toBe(true);
    expect(addressRanges(["0.0.0.0/0"]).has(undefined)).toBe(false);
  });

  test.each([
    "",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.1.0.0/8",
    "::/129",
    "localhost",
    "::1/127",
  ])("%j is refused", (range) => {
    expect(() => addressRanges([range])).toThrow(RangeError);
  });

  test.each([
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "0x1.2.3.4",
    "1::2::3",
    ":::",
    "12345::",
    "1:2:3:4:5:6:7",
    "::1%eth0",
    "::1.2.3",
    "1:2:3:4:5:6:7:8::",
    ":1:2:3:4:5:6:7",
  ])("%j is no address", (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});

describe("the visitor behind proxies", () => {
  test("headers of a peer that is not trusted say nothing", () => {
    const seen = client(
      [...xff("1.2.3.4"), ["X-Forwarded-Proto", "https"], ["X-Forwarded-Host", "evil.test"], ["X-Forwarded-Port", "1"]],
      { from: ["192.0.2.0/24"] },
    );
    expect(seen).toEqual({
      remoteAddress: "10.0.0.1",
      remotePort: 5000,
      scheme: "http",
      host: "site.test",
      port: 8080,
      trusted: false,
    });
  });

  test("a trusted peer that says nothing leaves everything as it is", () => {
    expect(client([])).toMatchObject({ remoteAddress: "10.0.0.1", remotePort: 5000, scheme: "http", port: 8080 });
  });

  test.each([
    ["one proxy", xff("203.0.113.7"), "203.0.113.7"],
    ["what the visitor wrote is left of what the proxy saw", xff("6.6.6.6, 203.0.113.7"), "203.0.113.7"],
    ["two trusted proxies", xff("203.0.113.7, 10.0.0.9"), "203.0.113.7"],
    ["a proxy that is not trusted hides who is behind it", xff("203.0.113.7, 198.51.100.1, 10.0.0.9"), "198.51.100.1"],
    ["several headers are one list", xff("203.0.113.7", "10.0.0.9", "10.0.0.8"), "203.0.113.7"],
    ["all trusted: the outermost", xff("10.0.0.3, 10.0.0.2"), "10.0.0.3"],
    ["with a port", xff("203.0.113.7:4711"), "203.0.113.7"],
    ["IPv6 in brackets", xff("[2001:dead::1]:4711"), "2001:dead::1"],
    ["IPv6 as it is", xff("2001:dead::1, 2001:db8::5"), "2001:dead::1"],
    ["garbage ends the walk", xff("203.0.113.7, <script>, 10.0.0.9"), "10.0.0.9"],
    ["garbage alone", xff("unknown"), "10.0.0.1"],
    ["empty", xff(""), "10.0.0.1"],
  ] as const)("%s", (_name, headers, address) => {
    expect(client(headers).remoteAddress).toBe(address);
  });

  test("of 10,000 hops 32 are walked", () => {
    const long = xff(Array.from({ length: 10_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`).join(","));
    // The last is number 9999; 32 are read, so the one believed is 9968 = 38 * 256 + 240.
    expect(client(long).remoteAddress).toBe("10.0.38.240");
  });

  test("scheme, host and port follow the number of proxies passed", () => {
    const headers: NameValue[] = [
      ...xff("203.0.113.7, 10.0.0.9"),
      ["X-Forwarded-Proto", "http, https, http"],
      ["X-Forwarded-Host", "evil.test, shop.test, inner.test"],
    ];
    expect(client(headers)).toMatchObject({ scheme: "https", host: "shop.test", port: 443 });
  });

  test("a single value stands for the whole way", () => {
    const headers: NameValue[] = [...xff("203.0.113.7, 10.0.0.9"), ["X-Forwarded-Proto", "HTTPS"]];
    expect(client(headers)).toMatchObject({ scheme: "https", host: "site.test", port: 443 });
  });

  test("a port is X-Forwarded-Port's, else the host's, else the scheme's", () => {
    const proto: NameValue = ["X-Forwarded-Proto", "https"];
    const host: NameValue = ["X-Forwarded-Host", "shop.test:8443"];
    expect(client([proto, host, ["X-Forwarded-Port", "444"]]).port).toBe(444);
    expect(client([proto, host]).port).toBe(8443);
    expect(client([proto]).port).toBe(443);
    expect(client([proto, ["X-Forwarded-Port", "99999"]]).port).toBe(443);
    expect(client([proto, ["X-Forwarded-Port", "80; DROP"]]).port).toBe(443);
  });

  test.each(["evil.test/path", "a b", "a@b", 'a"b', "..", "a..b", "a:99999", "a\r\nX: 1"])(
    "a forwarded host %j is a bad request",
    (host) => {
      expect(() => client([["X-Forwarded-Host", host]])).toThrow(
        expect.objectContaining({ code: "GATEWAY_BAD_REQUEST" }),
      );
    },
  );

  test("a scheme that is neither is not believed", () => {
    expect(client([["X-Forwarded-Proto", "javascript"]]).scheme).toBe("http");
  });

  test("what the proxy does not write is not taken", () => {
    const headers: NameValue[] = [
      ...xff("203.0.113.7"),
      ["X-Forwarded-Host", "evil.test"],
      ["X-Forwarded-Proto", "https"],
    ];
    expect(client(headers, { take: ["for", "proto"] })).toMatchObject({ host: "site.test", scheme: "https" });
    expect(client(headers, { take: ["proto"] }).remoteAddress).toBe("10.0.0.1");
  });

  test("one kind of headers is read, not the other", () => {
    const headers: NameValue[] = [["Forwarded", "for=6.6.6.6;proto=https"], ...xff("203.0.113.7")];
    expect(client(headers)).toMatchObject({ remoteAddress: "203.0.113.7", scheme: "http" });
    expect(client(headers, { kind: "forwarded" })).toMatchObject({ remoteAddress: "6.6.6.6", scheme: "https" });
  });

  test.each([
    ["for=203.0.113.7", "203.0.113.7", undefined],
    ['For="203.0.113.7:4711"', "203.0.113.7", 4711],
    ['for="[2001:dead::1]:80"; proto=https', "2001:dead::1", 80],
    ["for=6.6.6.6, for=203.0.113.7;by=10.0.0.1, for=10.0.0.9", "203.0.113.7", undefined],
    ['for=203.0.113.7;x="a,b;for=6.6.6.6", for=10.0.0.9', "203.0.113.7", undefined],
    ["for=_hidden, for=10.0.0.9", "10.0.0.9", undefined],
    ["for=unknown", "10.0.0.1", 5000],
    ["for=6.6.6.6;for=203.0.113.7", "10.0.0.1", 5000],
    ["for = 203.0.113.7", "10.0.0.1", 5000],
    ['for="203.0.113.7', "10.0.0.1", 5000],
  ])("Forwarded: %s", (value, address, port) => {
    expect(client([["Forwarded", value]], { kind: "forwarded" })).toMatchObject({
      remoteAddress: address,
      remotePort: port,
    });
  });

  test("proto and host of Forwarded are those of the hop that is believed", () => {
    const value =
      "for=6.6.6.6;host=evil.test, for=203.0.113.7;proto=https;host=shop.test, for=10.0.0.9;host=inner.test";
    expect(client([["Forwarded", value]], { kind: "forwarded" })).toMatchObject({ scheme: "https", host: "shop.test" });
  });
});
