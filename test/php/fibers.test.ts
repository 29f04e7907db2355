// Fibers: PHP's own way to leave a function in the middle and come back.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Fixture } from "./fixture.ts";

describe("fibers", () => {
  let fixture: Fixture;
  beforeAll(async () => {
    fixture = await Fixture.boot();
  });
  afterAll(() => fixture[Symbol.dispose]());

  test("values go in and out, and each side goes on where it stopped", async () => {
    const { body } = await fixture.php(`
      $fiber = new Fiber(function (string $name): string {
        for ($i = 0; $i < 3; $i++) $name .= Fiber::suspend("$name $i");
        return $name;
      });
      echo $fiber->start('a'), ',', $fiber->resume('b'), ',', $fiber->resume('c'), ',';
      $fiber->resume('d');
      echo $fiber->getReturn();`);
    expect(body).toBe("a 0,ab 1,abc 2,abcd");
  });

  test("many of them run in turn, nested and in any order", async () => {
    const { body } = await fixture.php(`
      $fibers = [];
      for ($i = 0; $i < 60; $i++) {
        $fibers[] = $fiber = new Fiber(function () use ($i): int {
          $inner = new Fiber(fn () => Fiber::suspend(1) + 1);
          $inner->start();
          Fiber::suspend();
          $inner->resume($i);
          return $inner->getReturn();
        });
        $fiber->start();
      }
      $sum = 0;
      foreach (array_reverse($fibers) as $fiber) {
        $fiber->resume();
        $sum += $fiber->getReturn();
      }
      echo $sum;`);
    expect(body).toBe(String((60 * 61) / 2));
  });

  test("one may wait, throw, and be left unfinished; the next request knows nothing of it", async () => {
    for (let round = 0; round < 3; round++) {
      const { body, exit } = await fixture.php(`
        $waits = new Fiber(function () { usleep(2000); Fiber::suspend(); });
        $waits->start();
        $throws = new Fiber(function () { throw new Exception('out'); });
        try { $throws->start(); } catch (Exception $e) { echo $e->getMessage(); }
        $left = new Fiber(function () { try { Fiber::suspend(); } finally { echo ' finally'; } });
        $left->start();`);
      expect({ body, exit }).toEqual({ body: "out finally", exit: 0 });
    }
  });

  test("exit() and a fatal error inside one end the script as they do outside", async () => {
    const left = await fixture.php("(new Fiber(function () { echo 'in'; exit(3); }))->start(); echo 'never';");
    expect({ body: left.body, exit: left.exit }).toEqual({ body: "in", exit: 3 });
    const died = await fixture.php("(new Fiber(function () { missing(); }))->start(); echo 'never';");
    expect({ status: died.status, exit: died.exit }).toEqual({ status: 500, exit: 255 });
    expect((await fixture.php("echo 'lives on';")).body).toBe("lives on");
  });
});
