import { expect, test } from "vitest";
import { checkSizes, megabytes, PLATFORM } from "../../src/image/limits.ts";

const MiB = 1024 * 1024;
const FITS = {
  modules: [
    { name: "main.js", size: 300_000 },
    { name: "php.wasm", size: 20_000_000 },
    { name: "app.zip", size: 5_000_000 },
  ],
  assets: [
    { name: "a.css", size: 10 },
    { name: "b.png", size: 25 * MiB },
  ],
  archive: 5_000_000,
  memory: 96 * MiB,
  cache: 8 * MiB,
};

test("a build that fits is counted", () => {
  expect(checkSizes(FITS)).toMatchObject({
    workerBytes: 25_300_000,
    assets: 2,
    assetBytes: 25 * MiB + 10,
    largestAsset: { name: "b.png" },
    modules: [{ name: "php.wasm" }, { name: "app.zip" }, { name: "main.js" }],
    headroom: 128_000_000 - 104 * MiB - 5_000_000,
    warnings: [],
  });
});

test("exactly the limit is taken, one byte more is refused with what is largest beside PHP", () => {
  const rest = PLATFORM.workerBytes - 20_300_000;
  const modules = (size: number) => [...FITS.modules.slice(0, 2), { name: "app.zip", size }];
  expect(checkSizes({ ...FITS, modules: modules(rest) }).workerBytes).toBe(PLATFORM.workerBytes);
  expect(() => checkSizes({ ...FITS, modules: modules(rest + 1) })).toThrow(
    expect.objectContaining({ code: "IMAGE_LIMIT", message: expect.stringContaining("app.zip") }),
  );
});

test("an asset that is too large is refused by its name", () => {
  const assets = [{ name: "film.mp4", size: 25 * MiB + 1 }];
  expect(() => checkSizes({ ...FITS, assets })).toThrow(
    expect.objectContaining({ code: "IMAGE_LIMIT", message: expect.stringContaining("film.mp4") }),
  );
});

test("too many assets are refused, and too many for the free plan told", () => {
  const assets = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `${i}.css`, size: 1 }));
  expect(checkSizes({ ...FITS, assets: assets(20_000) }).warnings).toEqual([]);
  expect(checkSizes({ ...FITS, assets: assets(20_001) }).warnings).toEqual([expect.stringContaining("free plan")]);
  expect(() => checkSizes({ ...FITS, assets: assets(100_001) })).toThrow(
    expect.objectContaining({ code: "IMAGE_LIMIT" }),
  );
});

test("an archive that leaves no room for PHP is told", () => {
  expect(checkSizes({ ...FITS, archive: 30_000_000 }).warnings).toEqual([expect.stringContaining("30.0 MB")]);
});

test("sizes are written for people", () => {
  expect([0, 999, 1000, 999_949, 19_680_725].map(megabytes)).toEqual([
    "0 bytes",
    "999 bytes",
    "1.0 kB",
    "999.9 kB",
    "19.7 MB",
  ]);
});
