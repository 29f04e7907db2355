// Extensions that are files of their own: found in php.ini, linked, and intl against native PHP.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { splitExtensions } from "../../src/php/extensions.ts";
import type { IniParts } from "../../src/php/ini.ts";
import { loadExtensions } from "../../src/platform/node/extensions.ts";
import { readIcuParts } from "../../src/platform/node/icu-data.ts";
import { loadPhpGlue } from "../../src/platform/node/load-glue.ts";
import { choosePhpVersion, phpPackageUrl } from "../../src/platform/node/php-versions.ts";
import { describeWithIcu } from "../peers/icu-data.ts";
import { describePeers, peerPath } from "../peers/peer.ts";
import { Fixture } from "./fixture.ts";

async function wasmPath(php: string): Promise<string> {
  return (await loadPhpGlue(phpPackageUrl(choosePhpVersion(php)))).dependencyFilename;
}

async function bootWith(php: string, given: IniParts): Promise<Fixture> {
  return Fixture.boot({ php, ...loadExtensions(given, await wasmPath(php)) });
}

describe("extensions in a php.ini", () => {
  test.each([
    ["extension=intl\n", [["intl", "extension"]]],
    ['  Extension = "redis.so" ; a cache\n', [["redis", "extension"]]],
    ["extension=/usr/lib/php/20220829/intl.so", [["intl", "extension"]]],
    ["extension=php_intl.dll\nextension=intl\n", [["intl", "extension"]]],
    ["zend_extension=xdebug\n", [["xdebug", "zend_extension"]]],
    ["zend_extension=opcache\nextension=mbstring\nextension=pdo_sqlite.so\n", []],
    [";extension=intl\nmy.extension=intl\nextension_dir=/x\n", []],
  ])("%j asks for %j", (text, wanted) => {
    expect(splitExtensions({ text }).wanted.map(({ name, directive }) => [name, directive])).toEqual(wanted);
  });

  test("its lines are gone, the others and their numbers stay", () => {
    const { ini } = splitExtensions({ text: "a=1\nextension=intl\nb=2\n", settings: { extension: "redis", c: 3 } });
    expect(ini).toEqual({ text: "a=1\n;\nb=2\n", settings: { c: 3 } });
  });

  test("single settings and those of a pool's administrator count, several separated by commas", () => {
    const { wanted } = splitExtensions({
      settings: { extension: "intl,redis" },
      adminSettings: { extension: "memcached" },
    });
    expect(wanted.map(({ name }) => name)).toEqual(["intl", "redis", "memcached"]);
  });
});

describe("extensions of a PHP package", () => {
  test("one that it does not bring is an error that names those that it brings", async () => {
    const path = await wasmPath("8.2");
    expect(() => loadExtensions({ text: "extension=sodium" }, path)).toThrow(
      expect.objectContaining({
        code: "PHP_EXTENSION",
        message: expect.stringMatching(/"sodium".*to be loaded: .*intl.*xdebug.*built in: .*mbstring/),
      }),
    );
  });

  test("redis and memcached are there when php.ini asks for them", async () => {
    using fixture = await bootWith("8.2", { text: "extension=redis\nextension=memcached\n" });
    const { body } = await fixture.php(
      "echo json_encode([class_exists('Redis'), class_exists('Memcached'), extension_loaded('intl')]);",
    );
    expect(body).toBe("[true,true,false]");
  });
});

/** What intl is used for, each an expression. ICU's releases differ in what they call things: no such thing is here. */
const INTL: Readonly<Record<string, string>> = {
  "sorting by a language's rules":
    "(function () { $a = ['zebra', 'Äpfel', 'apfel', 'öl', 'ost', 'Zoo']; foreach (['de_DE', 'sv_SE'] as $l) { $c = new Collator($l); $c->sort($a); $o[] = $a; $o[] = bin2hex($c->getSortKey('Straße')); } return $o; })()",
  numbers:
    "array_map(fn ($l) => (new NumberFormatter($l, NumberFormatter::DECIMAL))->format(1234567.891), ['en', 'de', 'fr', 'hi', 'ar-EG'])",
  money: "(new NumberFormatter('de_DE', NumberFormatter::CURRENCY))->formatCurrency(1234.5, 'EUR')",
  "numbers in words": "(new NumberFormatter('en', NumberFormatter::SPELLOUT))->format(1234)",
  "numbers read": "(new NumberFormatter('de', NumberFormatter::DECIMAL))->parse('1.234,5')",
  "normal forms":
    'array_map(fn ($f) => bin2hex(Normalizer::normalize("A\\u{30a} \\u{fb01} \\u{1f600}", $f)), [Normalizer::FORM_C, Normalizer::FORM_D, Normalizer::FORM_KC, Normalizer::FORM_KD])',
  "internationalized names":
    "[idn_to_ascii('bücher.example'), idn_to_utf8('xn--bcher-kva.example'), idn_to_ascii('faß.de'), idn_to_ascii('a b')]",
  "messages with plurals":
    "array_map(fn ($n) => MessageFormatter::formatMessage('pl', '{0, plural, one {# plik} few {# pliki} many {# plików} other {# pliku}}', [$n]), [1, 2, 5, 22])",
  dates:
    "(new IntlDateFormatter('fr_FR', IntlDateFormatter::FULL, IntlDateFormatter::NONE, 'Europe/Paris'))->format(86400 * 365)",
  "patterns of dates":
    "(new IntlDateFormatter('ja_JP@calendar=japanese', 0, 0, 'Asia/Tokyo', IntlDateFormatter::TRADITIONAL, 'Gy年MMMd日'))->format(0)",
  transliteration: "transliterator_transliterate('Any-Latin; Latin-ASCII; Lower()', 'Ελληνικά Кириллица')",
  graphemes: '[grapheme_strlen("e\\u{301}👩‍👩‍👧"), grapheme_substr("ae\\u{301}b", 1, 1)]',
  "breaks between words":
    "(function () { $b = IntlBreakIterator::createWordInstance('en'); $b->setText('One two, three.'); return iterator_to_array($b->getPartsIterator(), false); })()",
  locales:
    "[Locale::getDisplayLanguage('de', 'fr'), Locale::acceptFromHttp('de-AT,en;q=0.5'), count(resourcebundle_locales('')) > 500]",
  calendars:
    "(function () { $c = IntlCalendar::createInstance('Europe/Berlin', 'de_DE'); $c->setTime(0.0); return [$c->get(IntlCalendar::FIELD_HOUR_OF_DAY), $c->getFirstDayOfWeek()]; })()",
  "conversion of character sets": "bin2hex(UConverter::transcode('grün', 'ISO-8859-1', 'UTF-8'))",
  errors:
    "(function () { try { return [numfmt_create('en', 99), intl_get_error_name(intl_get_error_code())]; } catch (Throwable $e) { return $e->getMessage(); } })()",
};

const SCRIPT = `echo json_encode([${Object.entries(INTL)
  .map(([name, expression]) => `${JSON.stringify(name)} => ${expression}`)
  .join(",\n")}], JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE);`;

describeWithIcu("intl", () => {
  describePeers(["php8.2"], "beside native PHP", () => {
    test("gives what native intl gives", async () => {
      using fixture = await bootWith("8.2", { text: "extension=intl\n" });
      const ours = await fixture.php(SCRIPT);
      expect(ours.body, ours.stderr).not.toBe("");
      const native = execFileSync(peerPath("php8.2"), ["-n", "-d", "extension=intl", "-r", SCRIPT], {
        encoding: "utf8",
      });
      expect(JSON.parse(Buffer.from(ours.body, "latin1").toString("utf8"))).toEqual(JSON.parse(native));
    });
  });

  test("is not there unless php.ini asks for it", async () => {
    using fixture = await bootWith("8.2", {});
    expect((await fixture.php("echo json_encode(extension_loaded('intl'));")).body).toBe("false");
  });

  test("a file that is no data of ICU is refused when the pool starts, with its name", () => {
    expect(() => readIcuParts(fileURLToPath(import.meta.url))).toThrow(
      expect.objectContaining({ code: "PHP_EXTENSION", message: expect.stringContaining("extensions.test.ts") }),
    );
  });
});
