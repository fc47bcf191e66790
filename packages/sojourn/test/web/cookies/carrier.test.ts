import { describe, expect, test } from "vitest";
import { setUp, KEY, OLD_KEY, tokenIn, visitor, type Setup } from "../support/visitor.ts";

const both = (): Setup => setUp({ bearer: true, header: "X-Session-Id" });
const apiOnly = (): Setup => setUp({ cookie: false, bearer: true });

describe("Authorization: Bearer", () => {
  test("carries the token that a login returns", async () => {
    const { web, sessions } = apiOnly();
    let token: string | undefined;
    const { cookies, headers } = await visitor(web).visit(async (session) => {
      ({ token } = await session.login("ann", { a: 1 }));
    });
    expect(cookies).toEqual([]);
    expect(headers.get("Authorization")).toBe(`Bearer ${token}`);
    expect(headers.get("Cache-Control")).toBe("no-store");
    expect(headers.get("Vary")).toBe("Authorization");
    for (const scheme of ["Bearer", "bearer", "BEARER"]) {
      const { session } = await visitor(web).visit(undefined, { headers: { authorization: `${scheme} ${token}` } });
      expect(session).toMatchObject({ userId: "ann", isNew: false, data: { a: 1 } });
    }
    await visitor(web).visit((session) => session.logout(), { headers: { authorization: `Bearer ${token}` } });
    expect(await sessions.count()).toBe(0);
  });

  test("gives an anonymous session its token in a header of the same name", async () => {
    const { web } = apiOnly();
    const { headers } = await visitor(web).visit((session) => session.set("cart", 1));
    const authorization = headers.get("Authorization") ?? "";
    const later = await visitor(web).visit((session) => session.set("more", 2), { headers: { authorization } });
    expect(later.session.data).toEqual({ cart: 1, more: 2 });
    expect(later.headers.get("Authorization")).toBeNull();
  });

  test("tells nothing when a session is extended, and hands over a token that was signed with an old key", async () => {
    const on = setUp({ cookie: false, bearer: true, keys: [OLD_KEY] });
    const { headers } = await visitor(on.web).visit((session) => session.login("ann"));
    const authorization = headers.get("Authorization") ?? "";
    on.clock.advance("10m");
    expect([...(await visitor(on.web).visit(undefined, { headers: { authorization } })).headers]).toEqual([]);
    const rotated = on.again({ keys: [KEY, OLD_KEY] });
    const anew = (await visitor(rotated).visit(undefined, { headers: { authorization } })).headers.get("Authorization");
    expect(tokenIn(anew ?? "")).toBe(tokenIn(authorization));
    expect(anew).not.toBe(authorization);
  });

  test("of another scheme is somebody else's", async () => {
    const on = both();
    const browser = visitor(on.web);
    await browser.visit((session) => session.login("ann"));
    for (const authorization of ["Basic YTpi", "Bearerx y", "Digest bearer x"]) {
      expect((await browser.visit(undefined, { headers: { authorization } })).session.userId).toBe("ann");
    }
  });
});

describe("a header of its own", () => {
  test("carries the token both ways", async () => {
    const { web } = setUp({ cookie: false, header: "X-Session-Id" });
    let token: string | undefined;
    const { headers } = await visitor(web).visit(async (session) => {
      ({ token } = await session.login("ann"));
    });
    expect(headers.get("X-Session-Id")).toBe(token);
    expect(headers.get("Vary")).toBe("X-Session-Id");
    const { session } = await visitor(web).visit(undefined, { headers: { "x-session-id": token ?? "" } });
    expect(session.userId).toBe("ann");
  });

  test.each(["", "a b", "Cookie", "authorization", "Set-Cookie", "x:y", 1 as unknown as string])(
    "%j is refused",
    (header) => {
      expect(() => setUp({ header })).toThrow(TypeError);
    },
  );
});

async function credentials(on: Setup): Promise<{ ann: string; bob: string; cookie: string }> {
  const browser = visitor(on.web);
  await browser.visit((session) => session.login("cookie-user"));
  const api = on.again({ cookie: false });
  const ann = (
    await visitor(api).visit((session) => session.login("ann"), { headers: { authorization: "Bearer x" } })
  ).headers.get("Authorization");
  const bob = (
    await visitor(api).visit((session) => session.login("bob"), { headers: { "x-session-id": "x" } })
  ).headers.get("X-Session-Id");
  return { ann: ann ?? "", bob: bob ?? "", cookie: browser.cookie ?? "" };
}

describe("several carriers", () => {
  test("the first of Authorization, the header and the cookie decides alone", async () => {
    const on = both();
    const { ann, bob, cookie } = await credentials(on);
    const userOf = async (headers: Record<string, string>): Promise<string | null> =>
      (await visitor(on.web, cookie).visit(undefined, { headers })).session.userId;
    expect(await userOf({ authorization: ann, "x-session-id": bob })).toBe("ann");
    expect(await userOf({ "x-session-id": bob })).toBe("bob");
    expect(await userOf({})).toBe("cookie-user");
  });

  test("also when it is not right: what a browser adds by itself does not fill in", async () => {
    const on = both();
    const { cookie } = await credentials(on);
    for (const headers of [{ authorization: "Bearer forged" }, { authorization: "Bearer" }, { "x-session-id": "x" }]) {
      expect((await visitor(on.web, cookie).visit(undefined, { headers })).session.userId).toBeNull();
    }
  });

  test("a new session goes by the carrier that the request used, else by the cookie", async () => {
    const on = both();
    const login = { handle: async (session: { login(user: string): unknown }) => session.login("ann") };
    const browser = await visitor(on.web).visit(login.handle);
    expect(browser.cookies).toHaveLength(1);
    expect(browser.headers.get("Authorization") ?? browser.headers.get("X-Session-Id")).toBeNull();
    expect(browser.headers.get("Vary")).toBe("Authorization, X-Session-Id, Cookie");
    const api = await visitor(on.web).visit(login.handle, { headers: { authorization: "Bearer expired" } });
    expect(api.cookies).toEqual([]);
    expect(api.headers.get("Authorization")).toMatch(/^Bearer sess_/);
  });

  test("a logout by a header deletes no cookie", async () => {
    const on = both();
    const { ann, cookie } = await credentials(on);
    const { cookies } = await visitor(on.web, cookie).visit((session) => session.logout(), {
      headers: { authorization: ann },
    });
    expect(cookies).toEqual([]);
    expect((await visitor(on.web, cookie).visit()).session.userId).toBe("cookie-user");
  });

  test("at least one is needed", () => {
    expect(() => setUp({ cookie: false })).toThrow("Expected a carrier of the token");
  });
});

describe("requests as Node has them", () => {
  test("are read without a Headers", async () => {
    const on = both();
    const browser = visitor(on.web);
    await browser.visit((session) => session.login("ann"));
    const cookie = browser.cookie ?? "";
    expect((await on.web.start({ headers: { cookie } })).userId).toBe("ann");
    expect((await on.web.start({ headers: { cookie: ["a=1", cookie] } })).userId).toBe("ann");
    expect((await on.web.start({ headers: { cookie: [cookie, cookie] } })).userId).toBeNull();
    expect((await on.web.start({ headers: { cookie: undefined } })).userId).toBeNull();
  });

  test("and the response's headers are joined, not replaced", async () => {
    const on = setUp();
    const headers = new Map<string, number | string | readonly string[]>([
      ["set-cookie", "theme=dark"],
      ["vary", ["Accept", "Origin"]],
      ["cache-control", "public"],
    ]);
    const response = {
      statusCode: 200,
      getHeader: (name: string) => headers.get(name.toLowerCase()),
      setHeader: (name: string, value: string | readonly string[]) => headers.set(name.toLowerCase(), value),
    };
    const session = await on.web.start({ headers: {} });
    await session.login("ann");
    await session.commit(response);
    expect(headers.get("set-cookie")).toEqual(["theme=dark", expect.stringMatching(/^__Host-session=/)]);
    expect(headers.get("vary")).toBe("Accept, Origin, Cookie");
    expect(headers.get("cache-control")).toBe("no-store");
  });

  test("and the response's own status counts", async () => {
    const on = setUp();
    const response = { statusCode: 500, getHeader: () => undefined, setHeader: () => expect.unreachable() };
    const session = await on.web.start({ headers: {} });
    await session.login("ann");
    await session.commit(response);
    expect(await on.sessions.count()).toBe(0);
  });
});
