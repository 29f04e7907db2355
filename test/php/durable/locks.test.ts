// Changes that scripts make under a lock, and who has the lock next.

import { expect, test } from "vitest";
import { FileError, type StoreAnswer } from "../../../src/fs/index.ts";
import { BatchError } from "../../../src/fs/store.ts";
import { Child, ROOT_PATH, Store } from "./child.ts";

test("who has a lock next reads what was written under it, though something else of the batch had to be left out", async () => {
  const store = new Store();
  const child = await new Child(store, "a").boot();
  await child.run(`file_put_contents("$d/counter", "1"); file_put_contents("$d/old", "x");`);

  const { service } = store;
  const welcome = service.hello("other") as Extract<StoreAnswer, { type: "welcome" }>;
  const { ino: dir } = service.store.lookup(ROOT_PATH);
  const { ino } = service.store.lookup(`${ROOT_PATH}/counter`);
  const seen: string[] = [];
  const receive = service.receive.bind(service);
  let first = true;
  service.receive = (life, message, time, reply) => {
    receive(life, message, time, reply);
    if (message.type !== "lock" || !first) return;
    first = false;
    // While the script holds the lock, another child removes what the script is about to remove, and waits for the lock.
    receive(
      welcome.life,
      { type: "commit", batch: 1, since: 0, time, operations: [{ op: "unlink", dir, name: "old" }] },
      time,
      () => {},
    );
    const lock = { family: "flock", ino, handle: 1, type: "exclusive" } as const;
    receive(welcome.life, { type: "lock", since: 0, wish: { lock, wait: 60_000 } }, time, (answer) => {
      expect(answer).toMatchObject({ type: "locked", lock: { outcome: "granted" } });
      seen.push(new TextDecoder().decode(service.store.read(ino, 0, 10)));
    });
  };
  const output = await child.run(`
    $f = fopen("$d/counter", "c+");
    flock($f, LOCK_EX);
    unlink("$d/old");
    $n = (int)fgets($f) + 1;
    rewind($f);
    fwrite($f, $n);
    flock($f, LOCK_UN);
    echo $n;
  `);
  expect(output).toBe("2");
  expect(seen).toEqual(["2"]);
  expect(child.losses).toEqual([]);
});

test("a lock is given back where what was written under it could not be kept", async () => {
  const store = new Store();
  const child = await new Child(store, "a").boot();
  await child.run(`file_put_contents("$d/counter", "1");`);
  const { service } = store;
  const other = service.hello("other") as Extract<StoreAnswer, { type: "welcome" }>;
  const { ino } = service.store.lookup(`${ROOT_PATH}/counter`);
  service.store.commit = () => {
    throw new BatchError(new FileError("ENOSPC", "no room"), 0);
  };
  const lock = { family: "flock", ino, handle: 1, type: "exclusive" } as const;
  const tries: (string | undefined)[] = [];
  await expect(
    child.run(`
      $f = fopen("$d/counter", "c+");
      flock($f, LOCK_EX);
      fwrite($f, "2");
      flock($f, LOCK_UN);
    `),
  ).rejects.toMatchObject({ errno: "ENOSPC" });
  service.receive(other.life, { type: "lock", since: 0, wish: { lock, wait: 0 } }, Date.now(), (answer) => {
    tries.push(answer.type === "locked" ? answer.lock.outcome : answer.type);
  });
  expect(tries).toEqual(["granted"]);
  expect(new TextDecoder().decode(service.store.read(ino, 0, 10))).toBe("1");
});

test("a lock under which nothing was written goes back with the next one", async () => {
  const store = new Store();
  const child = await new Child(store, "a").boot();
  await child.run(`file_put_contents("$d/read", "1"); file_put_contents("$d/written", "1");`);
  await child.run(`file_get_contents("$d/read"); file_get_contents("$d/written");`);
  child.plan(undefined);
  await child.run(`
    $f = fopen("$d/read", "r");
    flock($f, LOCK_SH);
    fclose($f);
    $f = fopen("$d/written", "c");
    flock($f, LOCK_EX);
    fwrite($f, "2");
    fclose($f);
  `);
  expect(child.sent.filter((type) => type !== "sync")).toEqual(["lock", "lock", "commit"]);
  expect(store.service.locks.held).toBe(0);
});

test("the end of a request does not wait until a lock is given back under which nothing was written", async () => {
  const store = new Store();
  const child = await new Child(store, "a").boot();
  await child.run(`file_put_contents("$d/counter", "1");`);
  const { service } = store;
  const receive = service.receive.bind(service);
  const later: (() => void)[] = [];
  service.receive = (life, message, time, reply) => {
    if (message.type === "unlock") later.push(() => receive(life, message, time, reply));
    else receive(life, message, time, reply);
  };
  const output = await child.run(`$f = fopen("$d/counter", "r"); flock($f, LOCK_SH); echo fgets($f); fclose($f);`);
  expect([output, service.locks.held, later.length]).toEqual(["1", 1, 1]);
  service.receive = receive;
  for (const answer of later) answer();
  expect(service.locks.held).toBe(0);
  expect(await child.run(`echo file_get_contents("$d/counter");`)).toBe("1");
  expect(child.losses).toEqual([]);
});

test("a lock that cannot be given back ends the life when the request is over", async () => {
  const store = new Store();
  const child = await new Child(store, "a").boot();
  await child.run(`file_put_contents("$d/counter", "1");`);
  const { service } = store;
  const receive = service.receive.bind(service);
  service.receive = (life, message, time, reply) => {
    if (message.type === "unlock") reply({ type: "ended" });
    else receive(life, message, time, reply);
  };
  expect(await child.run(`$f = fopen("$d/counter", "r"); flock($f, LOCK_SH); echo fgets($f); fclose($f);`)).toBe("1");
  await expect(child.files.rest()).rejects.toMatchObject({ errno: "EIO" });
  await expect(child.run("echo 1;")).rejects.toMatchObject({ errno: "EIO" });
});

test("what a life waited for that has ended is nothing to the next one", async () => {
  const store = new Store();
  const child = await new Child(store, "a").boot();
  const other = await new Child(store, "b").boot();
  await child.run(`file_put_contents("$d/one", "1"); file_put_contents("$d/two", "1");`);
  await other.run(`file_put_contents("$d/one", "other");`);
  const { service } = store;
  const receive = service.receive.bind(service);
  const asked: string[] = [];
  // As at the edge, where nothing settles any more that belongs to a connection which has ended.
  service.receive = (life, message, time, reply) => {
    if (message.type === "sync") receive(life, message, time, reply);
    else asked.push(message.type);
  };
  await child.files.begin(undefined);
  void child.files.loadAll();
  await expect.poll(() => asked).toEqual(["read"]);
  service.receive = receive;
  await child.begin();
  expect(await child.run(`echo file_get_contents("$d/one");`)).toBe("other");

  service.receive = (life, message, time, reply) => {
    if (message.type === "commit") asked.push(message.type);
    else receive(life, message, time, reply);
  };
  void child.run(`file_put_contents("$d/three", "1");`);
  await expect.poll(() => asked).toEqual(["read", "commit"]);
  service.receive = receive;
  await child.begin();
  await child.run(`file_get_contents("$d/one"); file_get_contents("$d/two");`);
  child.plan(undefined);
  await child.run(`foreach (["one", "two"] as $name) { $f = fopen("$d/$name", "r"); flock($f, LOCK_SH); fclose($f); }`);
  expect(child.sent.filter((type) => type !== "sync")).toEqual(["lock", "lock", "unlock"]);
});

test("a lock that nothing is heard of ends the life, and others get it", async () => {
  const store = new Store();
  const child = await new Child(store, "a").boot();
  await child.run(`file_put_contents("$d/counter", "1");`);
  const { service } = store;
  const receive = service.receive.bind(service);
  service.receive = (life, message, time, reply) => {
    if (message.type !== "lock") return receive(life, message, time, reply);
    receive(life, message, time, () => {});
    throw new Error("the answer got lost");
  };
  await expect(child.run(`$f = fopen("$d/counter", "r"); flock($f, LOCK_EX); fclose($f);`)).rejects.toMatchObject({
    errno: "EIO",
  });
  expect(service.locks.held).toBe(1);
  await child.begin();
  expect(service.locks.held).toBe(0);
});
