/**
 * A rev is unique for ever: the cache of SQLite's entries rests on it, as compare-and-set does. The contract's rule 4
 * holds the stores to their part of that; these are the writers.
 */
import { expect, test } from "vitest";
import { storage } from "../../src/kv/index.ts";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import type { Sessions } from "../../src/sessions/sessions.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { Entry, Store } from "../../src/store/store.ts";
import { manualClock } from "../../src/testing/index.ts";
import { uniqueRev } from "../../src/tokens/token.ts";
import { called, open, written } from "../web/support/express-session.ts";

/** A store that notes what is put into it. */
function noting(): { store: Store<"sync">; puts: Entry[] } {
  const store = memoryStore();
  const puts: Entry[] = [];
  return {
    puts,
    store: {
      ...store,
      put(entry, ...rest) {
        puts.push({ ...entry });
        return store.put(entry, ...rest);
      },
    },
  };
}

type Manager = Sessions<Record<string, unknown>, "sync">;

function ofSessions(
  write: (sessions: Manager, clock: ReturnType<typeof manualClock>) => void,
): (store: Store<"sync">) => void {
  return (store) => {
    const clock = manualClock();
    write(createSessions({ store, clock, rotationGrace: "10s", refreshThreshold: "29m" }), clock);
  };
}

/** Each writes the same thing more than once, and so often that the store is put to. */
const writers: readonly (readonly [name: string, puts: number, write: (store: Store<"sync">) => unknown])[] = [
  ["create", 2, ofSessions((sessions) => [1, 2].map(() => sessions.create("ann", { role: "admin" })))],
  [
    "create with an adopted token, again after each end",
    3,
    ofSessions((sessions) => {
      sessions.create("ann", {}, { token: "hers" });
      sessions.create("ann", {}, { token: "hers" });
      sessions.destroyByToken("hers");
      sessions.create("ann", {}, { token: "hers" });
    }),
  ],
  [
    "update, to and fro",
    5,
    ofSessions((sessions) => {
      const { id } = sessions.create("ann", { n: 0 });
      for (const n of [1, 0, 1, 0]) sessions.update(id, { n });
    }),
  ],
  [
    "rotate, and an extension that drops the salt",
    3,
    ofSessions((sessions, clock) => {
      const rotated = sessions.rotate(sessions.create("ann", {}).token);
      clock.advance("2m");
      sessions.authenticate(rotated?.token);
    }),
  ],
  [
    "reauthenticate",
    3,
    ofSessions((sessions) => {
      const { id } = sessions.create("ann", {});
      sessions.reauthenticate(id);
      sessions.reauthenticate(id);
    }),
  ],
  [
    "storage.kv",
    2,
    async (store) => {
      const kv = storage.kv({ name: "kv", namespace: "n", ttlSeconds: 60, store });
      await kv.put("k", "the same");
      await kv.put("k", "the same");
    },
  ],
  [
    "express-session",
    3,
    async (store) => {
      const sessions = open(store);
      for (let round = 0; round < 2; round++) {
        await called((done) => sessions.set("sid", written({ n: 1 }), done));
        await called((done) => sessions.destroy("sid", done));
      }
    },
  ],
];

test.each(writers)("%s gives each write a rev of its own", async (_, puts, write) => {
  const noted = noting();
  await write(noted.store);
  expect(noted.puts.length).toBeGreaterThanOrEqual(puts);
  const revs = noted.puts.map(({ rev }) => rev);
  expect(new Set(revs).size).toBe(revs.length);
  // 128 random bits: nothing of the entry, no clock and no counter is in it, which another process could repeat.
  for (const rev of revs) expect(rev).toMatch(/^[\w-]{22}$/);
});

test("revs do not repeat", () => {
  const revs = Array.from({ length: 100_000 }, uniqueRev);
  expect(new Set(revs).size).toBe(revs.length);
});
