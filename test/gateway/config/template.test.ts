import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileTarget, compileTemplate, compileUrl, templateProblems } from "../../../src/gateway/config/template.ts";

const variables = (name: string) =>
  ({ uri: "/a b/c&d", args: "x=1&y=%20", is_args: "?", "1": "one", "2": "two", name: "Ann", host: "example.org" })[
    name
  ];

const braced = (name: string) => `$\{${name}}`;

describe("a template", () => {
  test.each([
    ["", ""],
    ["plain", "plain"],
    ["$uri", "/a b/c&d"],
    [`${braced("uri")}x`, "/a b/c&dx"],
    ["$1$2-$3", "onetwo-"],
    ["$10", "one0"],
    ["price: $$5 $$uri", "price: $5 $uri"],
    ["$nothing!", "!"],
    ["$name.$host", "Ann.example.org"],
  ])("%s is %j", (template, text) => {
    expect(compileTemplate(template)(variables)).toBe(text);
  });

  test("gives bytes: literal text is UTF-8", () => {
    expect(compileTemplate("caf\u00e9 $x")(() => "\u00ff")).toBe("caf\u00c3\u00a9 \u00ff");
  });

  test("without a dollar stays as it is, whatever it says", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme-ascii" }), (text) => {
        expect(compileTemplate(text.replaceAll("$", "$$$$"))(() => "x")).toBe(text);
      }),
    );
  });

  test("asks for a variable only when it is rendered, and for what it names", () => {
    const asked: string[] = [];
    const template = compileTemplate("$uri $http_accept");
    template((name) => {
      asked.push(name);
      return "";
    });
    expect(asked).toEqual(["uri", "http_accept"]);
  });

  test.each(["cost: $", "$-x", braced("uri").slice(0, -1), braced(""), "$ x"])(
    "%j is refused: a dollar names nothing",
    (template) => {
      expect(() => compileTemplate(template)).toThrow(SyntaxError);
      expect(templateProblems(template)[0]).toMatch(/dollar at character \d+ names no variable.*\$\$/);
    },
  );

  test("an unknown variable is named, with the one that was meant", () => {
    expect(templateProblems("$urii $http_x $arg_y $cookie_z $sent_http_a $9")).toEqual([
      "there is no variable $urii; did you mean $uri?",
    ]);
    expect(templateProblems("$user", new Set(["user"]))).toEqual([]);
    expect(templateProblems("$http_ $tomato")).toHaveLength(2);
    expect(templateProblems("$" + "{cookie_wp-postpass_*} $" + "{cookie_a-b}")).toEqual([]);
    expect(templateProblems("$" + "{arg_a*}")).toHaveLength(1);
  });
});

describe("a target", () => {
  const of = (text: string) => {
    const { path, url, query, dropsQuery } = compileTarget(text);
    return { path: path(variables), url: url(variables), query: query?.(variables), dropsQuery };
  };

  test("is cut at its own question mark, not at one that a variable brings", () => {
    expect(of("/x?a=$1")).toMatchObject({ path: "/x", query: "a=one", dropsQuery: false });
    expect(of("/x$is_args$args")).toMatchObject({ path: "/x", query: "x=1&y=%20" });
    expect(of("/x?")).toMatchObject({ path: "/x", dropsQuery: true });
    expect(of("/x")).toMatchObject({ path: "/x", query: undefined });
    expect(compileTarget("/x$1").path(() => "?a=b")).toBe("/x?a=b");
  });

  test("encodes in its query what is not encoded yet", () => {
    expect(of("/x?p=$uri&$args").query).toBe("p=/a%20b/c%26d&x=1&y=%20");
  });

  test("encodes paths in a Location, and leaves what is encoded", () => {
    expect(of("https://$host$uri").url).toBe("https://example.org/a%20b/c&d");
    expect(compileUrl("$request_uri")(() => "/%20?x")).toBe("/%20?x");
    expect(compileUrl("/$http_x")(() => "\r\nSet-Cookie: a=b\u00e9")).toBe("/%0D%0ASet-Cookie:%20a=b%E9");
  });
});
