/** Cookies without Secure stay on this machine, and on those that are named. */
import { describe, expect, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { adapters } from "../support/adapters.ts";
import { KEY, setUp, visitor, type Data, type Setup } from "../support/visitor.ts";

const developed = (hosts?: readonly string[]): Setup => setUp({ development: hosts === undefined ? true : { hosts } });

describe("development", () => {
  const url = "http://localhost:3000/";

  test("gives a plain cookie, which http on this machine needs", async () => {
    const { web } = developed();
    const { cookies } = await visitor(web).visit((session) => session.login("ann"), { url });
    expect(cookies[0]).toMatch(/^session=sess_[^;]*; Max-Age=1800; Path=\/; HttpOnly; SameSite=Lax$/);
    expect(web.cookie).toMatchObject({ name: "session", secure: false });
  });

  test.each([
    "http://localhost/",
    "http://app.localhost:3000/",
    "http://127.0.0.1:8787/",
    "http://127.3.2.1/",
    "http://[::1]:80/",
  ])("serves %s", async (url) => {
    const browser = visitor(developed().web);
    await browser.visit((session) => session.login("ann"), { url });
    expect((await browser.visit(undefined, { url })).session.userId).toBe("ann");
  });

  test.each([
    ["http://example.com/", {}],
    ["https://example.com/", {}],
    ["http://localhost.example.com/", {}],
    ["http://notlocalhost/", {}],
    ["http://127.0.0.1.example.com/", {}],
    ["http://192.168.0.7/", {}],
    ["http://localhost/", { host: "example.com" }],
    ["http://localhost/", { "x-forwarded-host": "example.com" }],
    ["http://localhost/", { "x-forwarded-host": "localhost, example.com" }],
    ["http://localhost/", { "x-forwarded-for": "203.0.113.9" }],
    ["http://localhost/", { "x-forwarded-for": "127.0.0.1, 203.0.113.9" }],
    ["http://localhost/", { forwarded: "for=203.0.113.9" }],
    ["http://localhost/", { forwarded: 'for=127.0.0.1;host="example.com"' }],
    ["http://localhost/", { forwarded: 'for=127.0.0.1, for="[2001:db8::1]:4711"' }],
    ["http://localhost/", { forwarded: "for=_hidden" }],
  ])("refuses %s %j", async (url, headers) => {
    const { web, calls } = developed();
    const refused = async (): Promise<unknown> => visitor(web).visit(undefined, { url, headers });
    await expect(refused()).rejects.toMatchObject({ code: "development_host", status: 403 });
    expect(calls).toEqual([]);
  });

  test.each([
    { "x-forwarded-for": "127.0.0.1, ::1", "x-forwarded-host": "localhost:5173" },
    { "x-forwarded-for": "::ffff:127.0.0.1" },
    { forwarded: 'for="[::1]:4711";host=localhost:5173;proto=http' },
  ])("serves what a proxy on this machine passes on: %j", async (headers) => {
    const { session } = await visitor(developed().web).visit(undefined, { url, headers });
    expect(session.isNew).toBe(true);
  });

  test.each<[hosts: string[], url: string, headers: Record<string, string>]>([
    [["192.168.1.7"], "http://192.168.1.7:3000/", {}],
    [["192.168.1.7:3000"], "http://192.168.1.7:3000/", {}],
    [["app"], "http://app:3000/", {}],
    [["*.Tunnel.test"], "http://abc.tunnel.test/", { "x-forwarded-for": "203.0.113.9" }],
    [
      ["abc.tunnel.test"],
      "http://localhost/",
      { "x-forwarded-host": "abc.tunnel.test", "x-forwarded-for": "203.0.113.9" },
    ],
    [["203.0.113.9"], "http://localhost/", { "x-forwarded-for": "203.0.113.9" }],
  ])("with the hosts %j serves %s %j", async (hosts, url, headers) => {
    const { session } = await visitor(developed(hosts).web).visit(undefined, { url, headers });
    expect(session.isNew).toBe(true);
  });

  test.each<[hosts: string[], url: string]>([
    [["192.168.1.7:3000"], "http://192.168.1.7:3001/"],
    [["*.tunnel.test"], "http://tunnel.test/"],
    [["*.tunnel.test"], "http://evil-tunnel.test/"],
    [["app"], "http://app.example.com/"],
  ])("with the hosts %j still refuses %s", async (hosts, url) => {
    await expect(async () => visitor(developed(hosts).web).visit(undefined, { url })).rejects.toThrow("development");
  });

  test.each([
    ["http://192.168.1.7:3000/", {}, 'development: { hosts: ["192.168.1.7"] }'],
    ["http://localhost/", { "x-forwarded-for": "203.0.113.9" }, 'development: { hosts: ["203.0.113.9"] }'],
    ["http://localhost/", { "x-forwarded-host": "<script>" }, "development: { hosts: […] }"],
  ])("the error for %s %j says which line to add", async (url, headers, line) => {
    const refused = async (): Promise<unknown> => visitor(developed().web).visit(undefined, { url, headers });
    await expect(refused()).rejects.toThrow(line);
  });

  test.each(["", "http://app/", "a b", "app/", "*", 1 as unknown as string])("the host %j is not one", (host) => {
    expect(() => developed([host])).toThrow("Expected `development.hosts`");
  });

  test("refuses a request that does not say for which host it is", () => {
    expect(() => developed().web.start({ url: "/", headers: {} })).toThrow("does not say for which host it is");
  });
});

describe.each(adapters)("%s", (_, serve) => {
  test("answers another host with the line to add, and without a cookie or a stack", async () => {
    const options = { sessions: createSessions<Data>(), keys: [KEY], development: true };
    const { ask } = await serve(options, (session) => (session.set("a", 1), "done"));
    const refused = await ask("/", { headers: { host: "192.168.1.7:3000" } });
    expect(refused).toMatchObject({ status: 403, lines: [] });
    expect(refused.body.replaceAll(/&quot;|\\"/g, '"')).toContain('development: { hosts: ["192.168.1.7"] }');
    expect(refused.body).not.toMatch(/\.ts:\d|node_modules/);
    expect(await ask("/", { headers: { host: "localhost" } })).toMatchObject({
      status: 200,
      lines: [expect.any(String)],
    });
  });
});
