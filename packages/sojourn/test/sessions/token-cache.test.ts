/** A token that the process remembers is worth what the session's record says at each call, and nothing else. */
import { describe, expect, test } from "vitest";
import { createSessions } from "../../src/index.ts";
import type { Mode } from "../../src/store/reply.ts";
import type { Sessions } from "../../src/sessions/sessions.ts";
import { endOf, manage, modes, type Data } from "./support/managers.ts";

/** Presents a token until it is remembered: at its third sight it is found. */
async function remember(sessions: Sessions<Data, Mode>, token: string): Promise<void> {
  for (let times = 0; times < 3; times++) expect(await sessions.authenticate(token)).toBeDefined();
}

describe.each(modes)("%s: a remembered token", (_, open) => {
  test.each([undefined, "the caller's own"])("lets nobody in once its session was destroyed (%s)", async (own) => {
    const { sessions } = manage(open);
    const { token, id } = await sessions.create("ann", {}, own === undefined ? {} : { token: own });
    await remember(sessions, token);
    await sessions.destroy(id);
    expect(await sessions.authenticate(token)).toBeUndefined();
  });

  test("lets nobody in once another manager on the store has destroyed it, or its user's sessions", async () => {
    const { sessions, store, clock } = manage(open);
    const other = createSessions<Data>({ store, clock });
    const [first, second] = [await sessions.create("ann"), await sessions.create("ann")];
    await remember(sessions, first.token);
    await remember(sessions, second.token);
    await other.destroy(first.id);
    expect(await sessions.authenticate(first.token)).toBeUndefined();
    await other.destroyByUser("ann");
    expect(await sessions.authenticate(second.token)).toBeUndefined();
  });

  test.each([undefined, "the caller's own"])(
    "is in its grace after a rotation, and theft after that (%s)",
    async (own) => {
      const { sessions, store, clock, ends } = manage(open, { rotationGrace: "10s" });
      const other = createSessions<Data>({ store, clock, rotationGrace: "10s" });
      const { token, id } = await sessions.create("ann", {}, own === undefined ? {} : { token: own });
      await remember(sessions, token);
      const next = await other.rotate(token);
      await remember(sessions, next?.token ?? "");
      clock.advance(9_999);
      expect(await sessions.authenticate(token)).toMatchObject({ id });
      clock.advance(1);
      expect(await sessions.authenticate(token)).toBeUndefined();
      expect(ends).toEqual([endOf(id, "reuse")]);
      expect(await sessions.authenticate(next?.token)).toBeUndefined();
    },
  );

  test("is refused at once where a rotation gives no grace, and that is no theft", async () => {
    const { sessions, store, clock, ends } = manage(open);
    const { token, id } = await sessions.create("ann");
    await remember(sessions, token);
    const next = await createSessions<Data>({ store, clock }).rotate(token, { grace: 0 });
    expect(await sessions.authenticate(token)).toBeUndefined();
    expect(ends).toEqual([]);
    expect(await sessions.authenticate(next?.token)).toMatchObject({ id });
  });

  test("is locked with its session, expires with it, and sees the data of others", async () => {
    const { sessions, store, clock } = manage(open, { ttl: "30m", lockAfter: "5m" });
    const { token, id } = await sessions.create("ann", { n: 1 });
    await remember(sessions, token);
    await createSessions<Data>({ store, clock }).update(id, { n: 2 });
    expect(await sessions.authenticate(token)).toMatchObject({ data: { n: 2 } });
    clock.advance("6m");
    expect(await sessions.authenticate(token)).toBeUndefined();
    expect(await sessions.authenticate(token, { allowLocked: true })).toMatchObject({ id, locked: true });
    clock.advance("30m");
    expect(await sessions.authenticate(token, { allowLocked: true })).toBeUndefined();
  });

  test("does not let in what differs from it in one character, nor harm the session", async () => {
    const { sessions, ends } = manage(open);
    const rejected: unknown[] = [];
    sessions.on("rejected", ({ reason }) => rejected.push(reason));
    const { token } = await sessions.create("ann");
    await remember(sessions, token);
    for (const place of [27, 40, 58, 60, 65, 68]) {
      const other = `${token.slice(0, place)}${token[place] === "A" ? "B" : "A"}${token.slice(place + 1)}`;
      expect(await sessions.authenticate(other)).toBeUndefined();
    }
    expect(new Set(rejected)).toEqual(new Set(["wrong-secret"]));
    expect(ends).toEqual([]);
    expect(await sessions.authenticate(token)).toBeDefined();
  });

  test("that a login takes over is the new session's", async () => {
    const { sessions } = manage(open);
    await sessions.create("ann", {}, { token: "mine" });
    await remember(sessions, "mine");
    await sessions.create("bob", {}, { token: "mine" });
    expect(await sessions.authenticate("mine")).toMatchObject({ userId: "bob" });
  });
});

test("a token that lets nobody in is never remembered: its later session is judged by its own record", () => {
  const sessions = createSessions();
  for (let times = 0; times < 5; times++) expect(sessions.authenticate("mine")).toBeUndefined();
  sessions.create("ann", {}, { token: "mine" });
  expect(sessions.authenticate("mine")).toMatchObject({ userId: "ann" });
});

describe("the option", () => {
  test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 10_000_001, "100"])("is refused: %s", (tokenCache) => {
    expect(() => createSessions({ tokenCache } as object)).toThrow(
      /Expected `tokenCache` to be 0 to 10,000,000 tokens, got/,
    );
  });

  test.each([0, 1, 10_000])("is taken: %i", (tokenCache) => {
    const sessions = createSessions({ tokenCache });
    const { token } = sessions.create("ann");
    for (let times = 0; times < 4; times++) expect(sessions.authenticate(token)).toMatchObject({ userId: "ann" });
    expect(sessions.policy.tokenCache).toBe(tokenCache);
  });
});
