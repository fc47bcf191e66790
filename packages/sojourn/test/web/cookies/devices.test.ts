/** A user's own devices: what they see, and what they can end. */
import { beforeEach, describe, expect, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { adapters } from "../support/adapters.ts";
import { KEY, setUp, stores, visitor, type Data, type Setup, type Visitor } from "../support/visitor.ts";

const idOf = async (one: Visitor): Promise<string> => (await one.visit()).session.id ?? "";

describe.each(stores)("devices, on %s", (_, open) => {
  let on: Setup;
  let phone: Visitor;
  let laptop: Visitor;
  let stranger: Visitor;

  beforeEach(async () => {
    on = setUp({ store: open() });
    [phone, laptop, stranger] = [visitor(on.web), visitor(on.web), visitor(on.web)];
    await stranger.visit((session) => session.login("bob"));
    await phone.visit((session) => session.login("ann", {}), { headers: { "user-agent": "Phone/1" } });
    on.clock.advance(1_000);
    await laptop.visit((session) => session.login("ann", {}, { device: { ip: "10.1.1.1", userAgent: "Mine" } }));
  });

  test("lists the user's own, the one that was used last first, and says which is this one", async () => {
    const at = on.clock.now();
    await phone.visit(async (session) => {
      expect(await session.devices()).toEqual([
        {
          id: await idOf(laptop),
          device: { ip: "10.1.1.1", userAgent: "Mine" },
          createdAt: at,
          lastAccessedAt: at,
          expiresAt: at + 30 * 60_000,
          current: false,
        },
        expect.objectContaining({ id: session.id, device: { userAgent: "Phone/1" }, current: true }),
      ]);
    });
  });

  test("shows nobody's to who is nobody, and no token to anybody", async () => {
    await visitor(on.web).visit(async (session) => {
      expect(await session.devices()).toEqual([]);
      expect(await session.logoutOthers()).toBe(0);
      expect(await session.logoutDevice(await idOf(phone))).toBe(false);
    });
    const { session } = await phone.visit();
    expect(JSON.stringify(await session.devices())).not.toMatch(/sess_[\w-]{65}/);
  });

  test("after a login in this request, the session that it replaces is not listed", async () => {
    await phone.visit(async (session) => {
      await session.login("ann");
      const devices = await session.devices();
      expect(devices.map(({ current }) => current)).toEqual([true, false]);
    });
  });

  test("can be read where nothing may be changed, and after the commit", async () => {
    const session = await on.web.start({ headers: { cookie: phone.cookie } }, { readOnly: true });
    expect(await session.devices()).toHaveLength(2);
    await expect(async () => session.logoutOthers()).rejects.toThrow("`readOnly: true`");
    await expect(async () => session.logoutDevice(await idOf(laptop))).rejects.toThrow("`readOnly: true`");
    expect(await (await phone.visit()).session.devices()).toHaveLength(2);
  });

  test("logoutOthers ends all but this one", async () => {
    await phone.visit(async (session) => expect(await session.logoutOthers()).toBe(1));
    expect((await laptop.visit()).session.userId).toBeNull();
    expect((await phone.visit()).session.userId).toBe("ann");
    expect((await stranger.visit()).session.userId).toBe("bob");
  });

  test("logoutDevice ends one of the user's own, and nobody else's", async () => {
    const [laptopId, strangerId] = [await idOf(laptop), await idOf(stranger)];
    await phone.visit(async (session) => {
      expect(await session.logoutDevice(strangerId)).toBe(false);
      expect(await session.logoutDevice(laptopId)).toBe(true);
      expect(await session.logoutDevice(laptopId)).toBe(false);
    });
    expect((await laptop.visit()).session.userId).toBeNull();
    expect((await stranger.visit()).session.userId).toBe("bob");
  });

  test("logoutDevice of this one is a logout: its cookie goes as well", async () => {
    const { cookies } = await phone.visit(async (session) => {
      expect(await session.logoutDevice(session.id ?? "")).toBe(true);
      expect(session.userId).toBeNull();
    });
    expect(cookies).toEqual([expect.stringContaining("Max-Age=0;")]);
    expect((await laptop.visit()).session.userId).toBe("ann");
  });

  test.each(["", "sess_", "../../etc", "__proto__", "sess_\0", "x".repeat(100_000), "sess_" + "a".repeat(65)])(
    "logoutDevice of %j, as a form may send it, is false",
    async (id) => {
      await phone.visit(async (session) => expect(await session.logoutDevice(id)).toBe(false));
      await phone.visit(async (session) => expect(await session.logoutDevice(undefined as never)).toBe(false));
    },
  );
});

describe.each(adapters)("%s", (_, serve) => {
  test("takes the device from the request", async () => {
    const { ask } = await serve({ sessions: createSessions<Data>(), keys: [KEY] }, async (session, path) => {
      if (path === "/login") await session.login("ann");
      return JSON.stringify((await session.devices()).map(({ device }) => device));
    });
    const headers = { "user-agent": `Browser/${"1".repeat(300)}` };
    const [device] = JSON.parse((await ask("/login", { method: "POST", headers })).body) as [Record<string, string>];
    expect(device).toEqual({
      ip: expect.stringMatching(/^(::ffff:)?127\.0\.0\.1$/),
      userAgent: headers["user-agent"].slice(0, 256),
    });
  });
});
