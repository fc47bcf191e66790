import { describe, expect, test } from "vitest";
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

  test("older than the last two is unknown: it ends nothing", async () => {
    const { sessions, clock } = managed();
    const { token: first } = await sessions.create("u");
    let token: string | undefined = first;
    for (let n = 0; n < 3; n++) token = (await sessions.rotate(token))?.token;
    clock.advance("1m");
    expect(await sessions.authenticate(first)).toBeUndefined();
    expect(await sessions.authenticate(token)).toBeDefined();
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
    clock.advance("1m");
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
