import { describe, expect, test } from "vitest";
import { ConflictError } from "../../src/errors.ts";
import { endOf, manage, modes, type Manage } from "./support/managers.ts";

describe.each(modes)("rotation: %s", (_, open) => {
  const managed: Manage = (options) => manage(open, { rotationGrace: "10s", ...options });

  test("a new token, the same session; no version, no expiry changes", async () => {
    const { sessions, clock } = managed();
    const { token: old, ...session } = await sessions.create("u", { a: 1 });
    clock.advance("10m");
    const rotated = await sessions.rotate(old);
    const { token, ...after } = rotated ?? { token: "" };
    expect(token).not.toBe(old);
    expect(after).toEqual(session);
    expect(await sessions.authenticate(token, { extend: false })).toEqual(session);
  });

  test("64 tabs at once get one successor, and none is logged out", async () => {
    const { sessions } = managed();
    const { token: old } = await sessions.create("u");
    const rotated = await Promise.all(Array.from({ length: 64 }, async () => sessions.rotate(old)));
    const tokens = new Set(rotated.map((session) => session?.token));
    expect(tokens.size).toBe(1);
    expect(await sessions.authenticate([...tokens][0])).toBeDefined();
    expect(await sessions.count()).toBe(1);
  });

  test("the old token works until the grace is over, and then is theft", async () => {
    const { sessions, clock, ends } = managed();
    const { token: old, id } = await sessions.create("u");
    const token = (await sessions.rotate(old))?.token;
    clock.advance(9_999);
    expect(await sessions.authenticate(old)).toMatchObject({ id });
    expect((await sessions.rotate(old))?.token).toBe(token);
    clock.advance(1);
    expect(await sessions.authenticate(old)).toBeUndefined();
    expect(await sessions.authenticate(token)).toBeUndefined();
    expect(ends).toEqual([endOf(id, "reuse")]);
  });

  test("an old token given to rotate after the grace is theft as well", async () => {
    const { sessions, clock, ends } = managed();
    const { token: old, id } = await sessions.create("u");
    await sessions.rotate(old);
    clock.advance("10s");
    expect(await sessions.rotate(old)).toBeUndefined();
    expect(ends).toEqual([endOf(id, "reuse")]);
  });

  test("two rotations within the grace: the first token still leads to the last", async () => {
    const { sessions, clock } = managed();
    const { token: first } = await sessions.create("u");
    const second = (await sessions.rotate(first))?.token;
    clock.advance("5s");
    const third = (await sessions.rotate(second))?.token;
    expect((await sessions.rotate(first))?.token).toBe(third);
    expect((await sessions.rotate(second))?.token).toBe(third);
    clock.advance("5s");
    expect(await sessions.authenticate(second)).toBeDefined();
    expect(await sessions.authenticate(first)).toBeUndefined();
    expect(await sessions.count()).toBe(0);
  });

  test.each([2, 3, 4, 12])(
    "%d rotations by a thief hide nothing: the owner's token ends the session",
    async (count) => {
      const { sessions, clock, ends } = managed();
      const { token: owners, id } = await sessions.create("u");
      let stolen: string | undefined = owners;
      for (let n = 0; n < count; n++) {
        stolen = (await sessions.rotate(stolen))?.token;
        clock.advance("4s");
      }
      clock.advance("10s");
      expect(await sessions.authenticate(owners)).toBeUndefined();
      expect(await sessions.authenticate(stolen)).toBeUndefined();
      expect(ends).toEqual([endOf(id, "reuse")]);
    },
  );

  test("every former token is theft, whichever of many it is, given to any call", async () => {
    for (const use of ["authenticate", "rotate"] as const) {
      for (const which of [0, 1, 7, 19]) {
        const { sessions, clock, ends } = managed();
        const { token, id } = await sessions.create("u");
        const tokens = [token];
        for (let n = 0; n < 20; n++) {
          clock.advance("10s");
          tokens.push((await sessions.rotate(tokens.at(-1)))?.token ?? "");
        }
        clock.advance("10s");
        expect(await sessions[use](tokens[which])).toBeUndefined();
        expect(ends).toEqual([endOf(id, "reuse")]);
      }
    }
  });

  test("a grace is never cut short: a rotation beyond four within it is a conflict, and changes nothing", async () => {
    const { sessions, clock } = managed();
    const tokens = [(await sessions.create("u")).token];
    for (let n = 0; n < 4; n++) tokens.push((await sessions.rotate(tokens.at(-1)))?.token ?? "");
    await expect(async () => sessions.rotate(tokens[4])).rejects.toThrow(ConflictError);
    clock.advance(9_999);
    for (const token of tokens) expect(await sessions.authenticate(token)).toBeDefined();
    expect((await sessions.rotate(tokens[0]))?.token).toBe(tokens[4]);
    clock.advance(1);
    expect(await sessions.rotate(tokens[4])).toBeDefined();
  });

  test("with a grace of 0 given to the call, no token of before works, or leads to the new one", async () => {
    const { sessions, clock, ends } = managed();
    const { token: first, id } = await sessions.create("u");
    const second = (await sessions.rotate(first))?.token;
    const third = (await sessions.rotate(second, { grace: 0 }))?.token;
    expect(await sessions.authenticate(first)).toMatchObject({ id });
    expect(await sessions.rotate(first)).toBeUndefined();
    expect(await sessions.authenticate(third)).toMatchObject({ id });
    expect(await sessions.authenticate(second)).toBeUndefined();
    expect(ends).toEqual([]);
    clock.advance("10s");
    expect(await sessions.authenticate(second)).toBeUndefined();
    expect(ends).toEqual([endOf(id, "reuse")]);
  });

  test("a request that was on its way when the token was replaced without a grace is refused, and no theft", async () => {
    const { sessions, clock, ends } = managed();
    const rejections: string[] = [];
    sessions.on("rejected", ({ reason }) => rejections.push(reason));
    const { token: old, id } = await sessions.create("u");
    const [first, second] = await Promise.all([
      sessions.reauthenticate(old, { rotate: true }),
      sessions.reauthenticate(old, { rotate: true }),
    ]);
    expect([first?.id, second]).toEqual([id, undefined]);
    clock.advance("9s");
    expect(await sessions.rotate(old)).toBeUndefined();
    expect(await sessions.explain(old)).toMatchObject({ state: "replaced-token" });
    expect(rejections).toEqual(["replaced", "replaced"]);
    expect(await sessions.authenticate(first?.token)).toMatchObject({ id });
    expect(ends).toEqual([]);
    // Whoever logs out with it is logged out.
    expect(await sessions.destroyByToken(old)).toBe(true);
    expect(ends).toEqual([endOf(id, "logout")]);
  });

  test.each(["update", "refresh", "authenticate", "rotate", "reauthenticate"] as const)(
    "the first write after a grace, an %s, drops the salt that leads from the old token to the new one",
    async (write) => {
      const { sessions, clock, store } = managed();
      const { token: old, id } = await sessions.create("u");
      const token = (await sessions.rotate(old))?.token ?? "";
      const previous = async (): Promise<readonly string[][]> => {
        const entry = await store.get(id, clock.now());
        return (JSON.parse(entry?.meta ?? "") as { p?: string[][] }).p ?? [];
      };
      expect(await previous()).toHaveLength(1);
      const salt = (await previous())[0]?.[1];
      clock.advance("5m");
      if (write === "update") await sessions.update(id, { a: 1 });
      else if (write === "refresh" || write === "reauthenticate") await sessions[write](id);
      else expect(await sessions[write](token)).toBeDefined();
      expect(salt).toMatch(/^[\w-]{22}$/);
      expect(JSON.stringify(await previous())).not.toContain(salt);
      expect(await sessions.get(id)).toMatchObject({ id });
    },
  );

  test("a session of before there were keys lives on, and knows its last two tokens, as it did", async () => {
    const { sessions, clock, store, ends } = managed();
    const { token: first, id } = await sessions.create("u");
    const entry = await store.get(id, clock.now());
    if (entry === undefined) throw new Error("expected the session");
    const { k: _, ...meta } = JSON.parse(entry.meta) as Record<string, unknown>;
    await store.put({ ...entry, meta: JSON.stringify(meta), rev: "old" }, entry.rev, clock.now());
    const forged = id + "A".repeat(43);
    expect(await sessions.authenticate(forged)).toBeUndefined();
    const tokens = [first];
    for (let n = 0; n < 3; n++) {
      expect(await sessions.authenticate(tokens[n])).toMatchObject({ id });
      tokens.push((await sessions.rotate(tokens[n]))?.token ?? "");
      clock.advance("1m");
    }
    expect(await sessions.authenticate(tokens[0])).toBeUndefined();
    expect(await sessions.authenticate(tokens[3])).toMatchObject({ id });
    expect(ends).toEqual([]);
    expect(await sessions.authenticate(tokens[1])).toBeUndefined();
    expect(ends).toEqual([endOf(id, "reuse")]);
  });

  test("with a grace of 0 the old token is theft at once", async () => {
    const { sessions, ends } = managed({ rotationGrace: 0 });
    const { token, id } = await sessions.create("u");
    await sessions.rotate(token);
    expect(await sessions.authenticate(token)).toBeUndefined();
    expect(ends).toEqual([endOf(id, "reuse")]);
  });

  test("an adopted token rotates to one of ours, and its id stays", async () => {
    const { sessions, clock } = managed();
    const { id } = await sessions.create("u", {}, { token: "mine" });
    const rotated = await sessions.rotate("mine");
    expect(rotated).toMatchObject({ id });
    expect(rotated?.token.startsWith(id)).toBe(true);
    expect((await sessions.rotate("mine"))?.token).toBe(rotated?.token);
    expect(await sessions.authenticate(rotated?.token)).toMatchObject({ id });
    let token = rotated?.token;
    for (let n = 0; n < 9; n++) {
      clock.advance("1m");
      token = (await sessions.rotate(token))?.token;
    }
    expect(await sessions.authenticate(token)).toMatchObject({ id });
    expect(await sessions.authenticate("mine")).toBeUndefined();
    expect(await sessions.count()).toBe(0);
  });

  test("a wrong secret on a known id reads as absent, and changes nothing", async () => {
    const { sessions, ends } = managed();
    const { token, id } = await sessions.create("u");
    const forged = id + "A".repeat(43);
    expect(await sessions.authenticate(forged)).toBeUndefined();
    expect(await sessions.rotate(forged)).toBeUndefined();
    expect(await sessions.authenticate(token)).toBeDefined();
    expect(ends).toEqual([]);
  });

  test("a rotation and an update at once: both hold", async () => {
    const { sessions } = managed();
    const { token, id } = await sessions.create("u", { n: 0 });
    const [rotated] = await Promise.all([sessions.rotate(token), sessions.update(id, { n: 1 })]);
    expect(await sessions.authenticate(rotated?.token)).toMatchObject({ data: { n: 1 } });
  });
});
