import { describe, expect, test, vi } from "vitest";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { asyncStore } from "../../../src/testing/async-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { flush, node, reasonOf, textOf, time, type Node, type Time } from "./support/ends.ts";

const modes: readonly (readonly [name: string, wrap: (store: Store<"sync">) => Store])[] = [
  ["a synchronous store", (store) => store],
  ["an asynchronous store", (store) => asyncStore(store)],
];

/** Everything that tells of a session's end, in one process. */
function listen({ sessions, told }: Node, id: string): AbortSignal {
  sessions.watch(id, (end) => told.push(`watch ${textOf(end)}`));
  sessions.on("ended", ({ session, reason }) => told.push(`everywhere ${session.id} ${reason}`), {
    everywhere: true,
  });
  return sessions.signal(id);
}

describe.each(modes)("%s", (_, wrap) => {
  /** Two processes on one store, and one machine. */
  function twoNodes(options: Parameters<typeof node>[2] = {}): readonly [here: Node & Time, there: Node] {
    const store = memoryStore({ maxEntries: 100, onFull: "evict-lru" });
    const shared = time();
    return [Object.assign(shared, node(wrap(store), shared, options)), node(wrap(store), shared, options)];
  }

  const ends: Readonly<
    Record<string, (sessions: Node["sessions"], login: { readonly id: string; readonly token: string }) => unknown>
  > = {
    logout: (sessions, { id }) => sessions.destroy(id),
    "logout by token": (sessions, { token }) => sessions.destroyByToken(token),
    revoked: (sessions) => sessions.destroyByUser("ann"),
    "replaced in the browser": (sessions, { id }) => sessions.destroy(id, { reason: "replaced" }),
    "replaced by an adopted token": (sessions) => sessions.create("ann", {}, { token: "adopted" }),
    evicted: async (sessions) => {
      for (let count = 0; count < 2; count++) await sessions.create("ann");
    },
    reuse: async (sessions, { token }) => {
      await sessions.rotate(token, { grace: "1ms" });
      await sessions.authenticate(token);
    },
  };

  test.each(Object.entries(ends))("%s is told in the process that ends it and in another one", async (name, end) => {
    const options = { maxPerUser: { limit: 2, onLimit: "evict-oldest" }, rotationGrace: 0 } as const;
    const [here, there] = twoNodes(options);
    const login = await here.sessions.create("ann", {}, { token: "adopted" });
    const other = await here.sessions.create("bob");
    const signals = [listen(here, login.id), listen(there, login.id)];
    const others = [here, there].map(({ sessions }) => sessions.signal(other.id));
    await flush();
    expect(signals.map(reasonOf)).toEqual([undefined, undefined]);
    if (name === "reuse") {
      await here.sessions.rotate(login.token, { grace: "1ms" });
      here.clock.advance(2);
      await here.sessions.authenticate(login.token);
    } else await end(here.sessions, login);
    await flush();
    const reason = name.split(" ", 1)[0]!;
    expect(signals.map(reasonOf)).toEqual([reason, reason]);
    for (const { told } of [here, there]) {
      expect(told.toSorted()).toEqual([`everywhere ${login.id} ${reason}`, `watch ${login.id} ${reason}`]);
    }
    expect(others.map(reasonOf)).toEqual([undefined, undefined]);
  });

  test("the idle time that is up is told at its time, without a request", async () => {
    const [here, there] = twoNodes({ ttl: "30m" });
    const { id } = await here.sessions.create("ann");
    const signals = [listen(here, id), listen(there, id)];
    await flush();
    here.clock.advance("29m");
    await here.pass("59s");
    expect(signals.map(reasonOf)).toEqual([undefined, undefined]);
    await here.pass("1s");
    expect(signals.map(reasonOf)).toEqual(["expired-idle", "expired-idle"]);
    expect(here.told.toSorted()).toEqual([`everywhere ${id} expired-idle`, `watch ${id} expired-idle`]);
    expect(there.told.toSorted()).toEqual(here.told.toSorted());
    // It was removed, by the one whose timer came first.
    expect(await here.sessions.cleanup()).toBe(0);
  });

  test("the absolute time that is up is told as such", async () => {
    const [here] = twoNodes({ ttl: "30m", absoluteTtl: "40m" });
    const { id, token } = await here.sessions.create("ann");
    const signal = here.sessions.signal(id);
    await flush();
    here.clock.advance("20m");
    await here.sessions.authenticate(token);
    await here.pass("10m");
    expect(reasonOf(signal)).toBeUndefined();
    here.clock.advance("10m");
    await here.pass("1s");
    expect(reasonOf(signal)).toBe("expired-absolute");
  });

  test("whoever hears all ends is told of time that is up, also where nobody watches that session", async () => {
    const store = memoryStore();
    const shared = time();
    const nodes = [1, 2].map(() => node(wrap(store), shared, { ttl: "30m" }));
    const [here, there] = nodes as [Node, Node];
    const stops = nodes.map(({ sessions, told }) =>
      sessions.on("ended", ({ session, reason }) => told.push(`${session.id} ${reason}`), { everywhere: true }),
    );
    // More than are removed at once, and one that goes on.
    const ids: string[] = [];
    for (let count = 0; count < 600; count++) ids.push((await there.sessions.create("ann")).id);
    await there.sessions.create("bob", {}, { ttl: "2h" });
    await shared.pass("1s");
    shared.clock.advance(30 * 60_000 - 2_000);
    await shared.pass("950ms");
    expect(here.told).toEqual([]);
    await shared.pass("1200ms");
    const expected = ids.map((id) => `${id} expired-idle`).toSorted();
    expect(here.told.toSorted()).toEqual(expected);
    expect(there.told.toSorted()).toEqual(expected);
    // Nobody listens any more, nobody sweeps.
    for (const stop of stops) stop();
    shared.clock.advance("2h");
    await shared.pass("15s");
    expect(store.sweep(shared.clock.now(), 10)).toHaveLength(1);
    expect(shared.waiting).toBe(0);
  });

  test("an extension in another process moves the deadline here", async () => {
    const [here, there] = twoNodes({ ttl: "30m" });
    const { id, token } = await here.sessions.create("ann");
    const signal = here.sessions.signal(id);
    await flush();
    here.clock.advance("20m");
    await there.sessions.authenticate(token);
    here.clock.advance("10m");
    await here.pass("5s");
    expect(reasonOf(signal)).toBeUndefined();
    here.clock.advance("19m");
    await here.pass("54s");
    expect(reasonOf(signal)).toBeUndefined();
    await here.pass("2s");
    expect(reasonOf(signal)).toBe("expired-idle");
  });

  test("each call for a session that lives returns the same signal", async () => {
    const [here] = twoNodes();
    const { id } = await here.sessions.create("ann");
    const signals = Array.from({ length: 1_000 }, () => here.sessions.signal(id));
    expect(new Set(signals).size).toBe(1);
    const told: string[] = [];
    for (let count = 0; count < 1_000; count++) here.sessions.watch(id, (end) => told.push(textOf(end)));
    await here.sessions.destroy(id);
    await flush();
    expect(told).toEqual(Array.from({ length: 1_000 }, () => `${id} logout`));
  });

  test("over a session that is gone, a signal is aborted, and a watch is told", async () => {
    const [here] = twoNodes();
    const { id } = await here.sessions.create("ann");
    await here.sessions.destroy(id);
    const signal = here.sessions.signal(id);
    const told: string[] = [];
    here.sessions.watch(id, (end) => told.push(textOf(end)));
    const unwatch = here.sessions.watch(id, () => told.push("a watch that was ended"));
    unwatch();
    expect(told).toEqual([]);
    await flush();
    expect(reasonOf(signal)).toBe("unknown");
    expect(told).toEqual([`${id} unknown`]);
    expect(here.sessions.ends.isCurrent(id)).toBe(false);
  });

  test("over a session that has expired and is still stored, the reason is known", async () => {
    const [here] = twoNodes({ ttl: "1m" });
    const { id } = await here.sessions.create("ann");
    here.clock.advance("1m");
    const signal = here.sessions.signal(id);
    await flush();
    expect(reasonOf(signal)).toBe("expired-idle");
  });

  test.each(["", "sess_", "id", `sess_${"a".repeat(65)}`, "__proto__", undefined, 5])(
    "what has not the shape of an id is a mistake: %j",
    async (bad) => {
      const [{ sessions }] = twoNodes();
      const id = bad as string;
      expect(() => sessions.signal(id)).toThrow(TypeError);
      expect(() => sessions.watch(id, () => {})).toThrow(TypeError);
      await expect(sessions.ends.confirm(id)).rejects.toThrow(TypeError);
      expect(sessions.ends.isCurrent(id)).toBe(false);
    },
  );

  test("a listener that throws harms neither the others nor the call", async () => {
    const errors: unknown[] = [];
    const [here] = twoNodes({ onListenerError: (error) => errors.push(error) });
    const { id } = await here.sessions.create("ann");
    const told: string[] = [];
    for (const [index, fail] of [() => Promise.reject(new Error("0")), () => void told.push("1")].entries()) {
      here.sessions.watch(id, () => {
        if (index === 1) told.push("first");
        return fail();
      });
    }
    here.sessions.watch(id, () => {
      throw new Error("2");
    });
    here.sessions.on("ended", () => Promise.reject(new Error("3")), { everywhere: true });
    here.sessions.watch(id, () => told.push("last"));
    await flush();
    expect(await here.sessions.destroy(id)).toBe(true);
    await flush();
    expect(told).toEqual(["first", "1", "last"]);
    expect(errors.map(String).toSorted()).toEqual(["Error: 0", "Error: 2", "Error: 3"]);
  });

  test("a report of errors that throws harms neither the others nor the call", async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): unknown => unhandled.push(error);
    process.on("unhandledRejection", note);
    try {
      const [here] = twoNodes({
        onListenerError: (error) => {
          throw new Error(`while reporting: ${String(error)}`);
        },
      });
      const { id } = await here.sessions.create("ann");
      const told: string[] = [];
      here.sessions.watch(id, () => {
        throw new Error("first");
      });
      here.sessions.watch(id, () => told.push("second"));
      await flush();
      expect(await here.sessions.destroy(id)).toBe(true);
      await flush();
      expect(told).toEqual(["second"]);
      expect(unhandled.map(String)).toEqual(["Error: while reporting: Error: first"]);
    } finally {
      process.off("unhandledRejection", note);
    }
  });

  test("a listener of all ends that another one called off is not told any more", async () => {
    const [here] = twoNodes();
    const told: string[] = [];
    for (const options of [undefined, { everywhere: true }] as const) {
      here.sessions.on("ended", () => callOff(), options as { everywhere: true });
      const callOff = here.sessions.on("ended", () => told.push("called off"), options as { everywhere: true });
    }
    await here.sessions.destroy((await here.sessions.create("ann")).id);
    await flush();
    expect(told).toEqual([]);
  });

  test("20,000 who watch one session cost no more than that", async () => {
    const [here] = twoNodes();
    const { id } = await here.sessions.create("ann");
    let told = 0;
    const before = process.cpuUsage();
    const stops = Array.from({ length: 20_000 }, () => here.sessions.watch(id, () => told++));
    for (const stop of stops.slice(0, 10_000)) stop();
    const { user } = process.cpuUsage(before);
    // Copying what is there for each new one takes seconds.
    expect(user / 1_000).toBeLessThan(700);
    await here.sessions.destroy(id);
    await flush();
    expect(told).toBe(10_000);
  });

  test("whoever is told may watch, end and destroy", async () => {
    const [here] = twoNodes();
    const [first, second] = [await here.sessions.create("ann"), await here.sessions.create("bob")];
    const told: string[] = [];
    const unwatch = here.sessions.watch(first.id, async () => {
      told.push("first");
      unwatch();
      unwatch();
      unwatchOther();
      here.sessions.watch(first.id, ({ reason }) => told.push(`again ${reason}`));
      await here.sessions.destroy(second.id);
    });
    const unwatchOther = here.sessions.watch(first.id, () => told.push("first, too"));
    here.sessions.watch(second.id, ({ reason }) => told.push(`second ${reason}`));
    await flush();
    await here.sessions.destroy(first.id);
    await flush();
    // Whoever was unwatched by the first is not told any more.
    expect(told.toSorted()).toEqual([expect.stringMatching(/^again (unknown|logout)$/), "first", "second logout"]);
  });

  test("a session that follows under the same adopted token has a signal of its own", async () => {
    const [here, there] = twoNodes();
    const first = await here.sessions.create("ann", {}, { token: "adopted" });
    const before = [here, there].map(({ sessions }) => sessions.signal(first.id));
    await flush();
    const second = await here.sessions.create("bob", {}, { token: "adopted" });
    expect(second.id).toBe(first.id);
    const after = [here, there].map(({ sessions }) => sessions.signal(first.id));
    await flush();
    expect(before.map(reasonOf)).toEqual(["replaced", "replaced"]);
    expect(after.map(reasonOf)).toEqual([undefined, undefined]);
    await there.sessions.destroy(second.id);
    await flush();
    expect(after.map(reasonOf)).toEqual(["logout", "logout"]);
  });

  test("a clock that is set back ends nothing; one that is set forward ends what is over, within a second", async () => {
    const [here] = twoNodes({ ttl: "30m" });
    const { id } = await here.sessions.create("ann");
    const signal = here.sessions.signal(id);
    await flush();
    here.clock.set(here.clock.now() - 3_600_000);
    await here.pass("5s");
    expect(reasonOf(signal)).toBeUndefined();
    here.clock.set(here.clock.now() + 2 * 3_600_000);
    expect(here.sessions.ends.isCurrent(id)).toBe(false);
    expect(reasonOf(signal)).toBeUndefined();
    await here.pass("1s");
    expect(reasonOf(signal)).toBe("expired-idle");
  });

  test("so it is where nothing else is looked at for longer", async () => {
    const shared = time();
    const here = node(wrap(memoryStore()), shared, { ttl: "30m" }, { maxStale: "1m" });
    const { id } = await here.sessions.create("ann");
    const signal = here.sessions.signal(id);
    await flush();
    await shared.pass("5s");
    shared.clock.advance("30m");
    await shared.pass("1s");
    expect(reasonOf(signal)).toBe("expired-idle");
  });

  test("a live session that the store drops for space is evicted", async () => {
    const store = memoryStore({ maxEntries: 2, onFull: "evict-lru" });
    const here = node(wrap(store), time());
    const [first, second] = [await here.sessions.create("ann"), await here.sessions.create("bob")];
    const signals = [first, second].map(({ id }) => here.sessions.signal(id));
    await flush();
    const own = { rev: "by somebody else", owner: null, meta: "", value: "", createdAt: 0, touchedAt: 0 };
    store.put({ key: "k", ...own, expiresAt: Number.MAX_SAFE_INTEGER }, null, 1);
    expect(signals.map(reasonOf)).toEqual(["evicted", undefined]);
  });

  test("a timer that is early or late changes nothing but the moment", async () => {
    const [here] = twoNodes({ ttl: "1m" });
    const { id } = await here.sessions.create("ann");
    const signal = here.sessions.signal(id);
    await flush();
    const start = here.clock.now();
    // The timer says that a minute has passed, and the clock does not.
    here.clock.set(start);
    for (let step = 0; step < 70; step++) {
      await here.pass("1s");
      here.clock.set(start);
    }
    expect(reasonOf(signal)).toBeUndefined();
    // And the other way round: it stands still.
    here.clock.advance("2m");
    expect(here.sessions.ends.isCurrent(id)).toBe(false);
    await flush();
    expect(reasonOf(signal)).toBeUndefined();
    await here.pass("1s");
    expect(reasonOf(signal)).toBe("expired-idle");
  });

  test("when its manager closes the ends, everything that is watched is lost, and nothing can be watched", async () => {
    const [here] = twoNodes();
    const { id } = await here.sessions.create("ann");
    const signal = listen(here, id);
    await flush();
    here.sessions.ends.close();
    here.sessions.ends.close();
    expect(reasonOf(signal)).toBe("lost");
    expect(() => here.sessions.signal(id)).toThrow(expect.objectContaining({ code: "store_closed" }));
    await here.sessions.destroy(id);
    await here.pass("20s");
    expect(here.told).toEqual([`watch ${id} lost`]);
    expect(here.waiting).toBe(0);
  });

  test("a store that is closed cannot tell any more: what is watched is lost", async () => {
    const [here] = twoNodes();
    const { id } = await here.sessions.create("ann");
    const signal = here.sessions.signal(id);
    await here.pass("3s");
    expect(here.sessions.ends.isCurrent(id)).toBe(true);
    await here.store.close();
    await here.pass("3s");
    expect(reasonOf(signal)).toBe("lost");
    expect(here.sessions.ends.isCurrent(id)).toBe(false);
  });

  test("nothing is waited for before anybody watches, and 10 seconds after nobody does any more", async () => {
    const [here] = twoNodes();
    const { id } = await here.sessions.create("ann");
    expect(here.waiting).toBe(0);
    const unwatch = here.sessions.watch(id, () => {});
    await here.pass("1m");
    expect(here.waiting).toBe(1);
    unwatch();
    await here.pass("9s");
    expect(here.waiting).toBe(1);
    await here.pass("3s");
    expect(here.waiting).toBe(0);
    // And it begins again.
    const signal = here.sessions.signal(id);
    await here.pass("1s");
    await here.sessions.destroy(id);
    await flush();
    expect(reasonOf(signal)).toBe("logout");
  });
});

test("on a synchronous store that tells at once, a signal is aborted when the call returns", async () => {
  const { pass, clock, ...rest } = time();
  const { sessions } = node(memoryStore(), { pass, clock, ...rest }, { ttl: "30m" });
  const login = sessions.create("ann") as { readonly id: string };
  const signal = sessions.signal(login.id);
  const aborted = vi.fn<() => void>();
  signal.addEventListener("abort", aborted);
  expect(sessions.ends.isCurrent(login.id)).toBe(true);
  void sessions.destroy(login.id);
  expect(reasonOf(signal)).toBe("logout");
  expect(aborted).toHaveBeenCalledTimes(1);
  const second = sessions.create("ann") as { readonly id: string };
  const idle = sessions.signal(second.id);
  clock.advance("30m");
  await pass("1s");
  expect(reasonOf(idle)).toBe("expired-idle");
});
