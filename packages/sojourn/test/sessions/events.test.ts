import { describe, expect, test, vi } from "vitest";
import type { Session, SessionEvents } from "../../src/sessions/session.ts";
import type { Store } from "../../src/store/store.ts";
import { manage, modes, type Data, type Manage } from "./support/managers.ts";

type Rejected = SessionEvents<Data>["rejected"];

describe.each(modes)("events: %s", (_, open) => {
  const managed: Manage = (options) => manage(open, options);

  test("a token that lets nobody in is reported with the reason, by authenticate and by rotate", async () => {
    const { sessions, clock } = managed({ ttl: "1h", lockAfter: "15m" });
    const heard: Rejected[] = [];
    sessions.on("rejected", (event) => heard.push(event));
    const { token, id } = await sessions.create("u");
    const forged = id + "A".repeat(43);
    const never = `sess_${"A".repeat(22)}`;
    const rotated = await sessions.rotate(token);
    for (const call of [sessions.authenticate, sessions.rotate]) {
      await call(undefined);
      await call("");
      await call(never + "A".repeat(43));
      await call("brought by a client");
      await call(forged);
    }
    const expected = [
      { id: null, reason: "malformed" },
      { id: never, reason: "unknown" },
      { id: null, reason: "unknown" },
      { id, reason: "wrong-secret" },
    ].map((event) => ({ ...event, at: clock.now() }));
    expect(heard.splice(0)).toEqual([...expected, ...expected]);
    clock.advance("15m");
    expect(await sessions.authenticate(rotated?.token, { allowLocked: true })).toBeDefined();
    await sessions.authenticate(rotated?.token);
    await sessions.rotate(rotated?.token);
    await sessions.authenticate(token);
    const at = clock.now();
    expect(heard).toEqual([
      { id, reason: "locked", at },
      { id, reason: "locked", at },
      { id, reason: "reuse", at },
    ]);
  });

  test("what authenticates is not reported", async () => {
    const { sessions } = managed();
    const heard = vi.fn<() => void>();
    sessions.on("rejected", heard);
    sessions.on("conflicted", heard);
    const { token } = await sessions.create("u");
    expect(await sessions.authenticate(token)).toBeDefined();
    expect(await sessions.rotate(token)).toBeDefined();
    expect(heard).not.toHaveBeenCalled();
  });

  test("a change that comes second is a conflict, and is reported once for each time", async () => {
    const store = open();
    let others = 2;
    const meddled = {
      ...store,
      async put(...given: Parameters<Store["put"]>) {
        const [entry, expected, now] = given;
        if (expected !== null && others-- > 0) await store.put({ ...entry, rev: `other ${others}` }, "any", now);
        return store.put(...given);
      },
      mode: "async",
      get: async (...given: Parameters<Store["get"]>) => store.get(...given),
    } as Store;
    const { sessions, clock } = manage(() => meddled);
    const heard: unknown[] = [];
    sessions.on("conflicted", (event) => heard.push(event));
    const { id } = await sessions.create("u", { n: 0 });
    const updated = await sessions.update(id, (data) => ({ n: (data["n"] as number) + 1 }));
    expect(updated).toMatchObject({ data: { n: 3 } });
    expect(heard).toEqual([
      { id, at: clock.now() },
      { id, at: clock.now() },
    ]);
  });

  test("what refreshed reports is the very object that the call returns", async () => {
    const { sessions, clock } = managed({ ttl: "30m" });
    const heard: Session<Data>[] = [];
    sessions.on("refreshed", ({ session }) => heard.push(session));
    const { token, id } = await sessions.create("u");
    await sessions.authenticate(token);
    expect(heard).toEqual([]);
    clock.advance("5m");
    expect(await sessions.authenticate(token)).toBe(heard[0]);
    clock.advance("5m");
    expect(await sessions.refresh(id)).toBe(heard[1]);
    expect(heard).not.toContain(await sessions.authenticate(token));
  });

  test("a listener that is an async function, and rejects, is told about in the same place", async () => {
    const onListenerError = vi.fn<(error: unknown) => void>();
    const { sessions } = managed({ onListenerError });
    const error = new Error("later");
    sessions.on("created", async () => {
      throw error;
    });
    await sessions.create("u");
    await Promise.resolve();
    expect(onListenerError.mock.calls).toEqual([[error]]);
  });

  test("listens tells whether anybody does", () => {
    const { sessions } = managed();
    expect(sessions.listens("created")).toBe(false);
    const off = sessions.on("created", () => {});
    expect(sessions.listens("created")).toBe(true);
    off();
    expect(sessions.listens("created")).toBe(false);
  });

  test("the policy is there to be read, with every default, and cannot be changed", () => {
    const { sessions, clock } = managed({ ttl: "20m" });
    expect(sessions.policy).toEqual({
      ttl: 1_200_000,
      absoluteTtl: 2_592_000_000,
      anonymousTtl: 1_200_000,
      refreshThreshold: undefined,
      lockAfter: undefined,
      rotationGrace: 10_000,
      maxPerUser: undefined,
      maxDataLength: 1_048_576,
      maxAnonymousDataLength: 16_384,
      tokenCache: 10_000,
      clock,
    });
    expect(Object.isFrozen(sessions.policy)).toBe(true);
  });
});
