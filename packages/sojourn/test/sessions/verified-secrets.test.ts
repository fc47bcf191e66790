/** A token that the process remembers is worth what the session's record says at each call, and nothing else. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { createSessions } from "../../src/index.ts";
import type { Mode } from "../../src/store/reply.ts";
import type { Sessions } from "../../src/sessions/sessions.ts";
import { isVerified, VerifiedSecrets, type VerifiedSecret } from "../../src/sessions/verified-secrets.ts";
import { endOf, manage, modes, type Data } from "./support/managers.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Presents a token until it is remembered, and once more. */
async function remember(sessions: Sessions<Data, Mode>, token: string): Promise<void> {
  for (let times = 0; times < 2; times++) expect(await sessions.authenticate(token)).toBeDefined();
}

describe.each(modes)("%s: a remembered token", (_, open) => {
  test("is not hashed again: its secret is what is compared", async () => {
    const { sessions, store, clock } = manage(open);
    const { token, id } = await sessions.create("ann");
    await remember(sessions, token);
    const { memo } = (await store.get(id, clock.now()))!;
    const decoded = memo!.decoded as Decoded;
    expect(decoded.verified).toEqual({ text: token.slice(id.length), isUsed: true });
    // Were the hash compared, it would still let in.
    decoded.verified!.text = "pushed out";
    Reflect.set(decoded, "hash", "another");
    expect(await sessions.authenticate(token)).toBeUndefined();
  });

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

/** What is decoded of an entry, as far as its secret is concerned. */
interface Decoded {
  verified: VerifiedSecret | undefined;
}

const decodedEntries = (count: number): readonly Decoded[] =>
  Array.from({ length: count }, () => ({ verified: undefined }));

describe("a secret is kept", () => {
  test("with what was decoded of its entry, and no other is it", () => {
    const [decoded, other] = decodedEntries(2);
    new VerifiedSecrets(1).keep(decoded!, "secret");
    expect(isVerified(decoded!, "secret")).toBe(true);
    for (const wrong of ["secreT", "Secret", "secret ", "secre", ""]) expect(isVerified(decoded!, wrong)).toBe(false);
    expect(isVerified(other!, "secret")).toBe(false);
  });

  test.each([1, 2, 7, 100, 1_000])("for %i sessions at most, and for so many", (max) => {
    const secrets = new VerifiedSecrets(max);
    const decoded = decodedEntries(3_000);
    for (let round = 0; round < 3; round++) {
      for (const each of decoded) if (each.verified?.text === undefined) secrets.keep(each, "secret");
    }
    expect(decoded.filter(({ verified }) => verified?.text !== undefined).length).toBe(max);
  });

  test("for those that come again and again, whatever comes once", () => {
    const secrets = new VerifiedSecrets(100);
    const regulars = decodedEntries(50);
    for (const each of regulars) secrets.keep(each, "secret");
    for (let round = 0; round < 200; round++) {
      for (const each of regulars) isVerified(each, "secret");
      for (const each of decodedEntries(100)) secrets.keep(each, "once");
    }
    expect(regulars.filter((each) => isVerified(each, "secret")).length).toBe(50);
  });

  test("and those that come no more make room", () => {
    const secrets = new VerifiedSecrets(100);
    for (const each of decodedEntries(100)) {
      secrets.keep(each, "gone");
      isVerified(each, "gone");
    }
    const present = decodedEntries(100);
    for (let round = 0; round < 40; round++) {
      for (const each of present) if (!isVerified(each, "secret")) secrets.keep(each, "secret");
    }
    expect(present.filter((each) => isVerified(each, "secret")).length).toBeGreaterThan(95);
  });

  test("in memory of its own: not with the header that it was cut out of", () => {
    const secrets = new VerifiedSecrets(2_000);
    const decoded = decodedEntries(1_000);
    collect();
    const before = process.memoryUsage().heapUsed;
    for (const each of decoded) {
      const header = Buffer.from(`${"y".repeat(8_000)}${"s".repeat(43)}`).toString("latin1");
      secrets.keep(each, header.slice(8_000));
    }
    collect();
    expect((process.memoryUsage().heapUsed - before) / decoded.length).toBeLessThan(500);
    expect(isVerified(decoded[999]!, "s".repeat(43))).toBe(true);
  });
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
