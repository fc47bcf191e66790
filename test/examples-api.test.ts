/** The JSON API of `examples`, over real sockets, on each store. */
import { describe, expect, test } from "vitest";
import { places } from "./support/places.ts";
import { runExample } from "./support/run-example.ts";

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A program that calls the API, with a token or none. */
function client(origin: string, token?: string) {
  return async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(origin + path, {
      method,
      headers: {
        "content-type": "application/json",
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    expect(response.headers.getSetCookie()).toEqual([]);
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  };
}

async function login(origin: string, user: string): Promise<string> {
  const { status, body } = await client(origin)("POST", "/login", { user, password: `secret of ${user}` });
  expect(status).toBe(201);
  return (body as { readonly token: string }).token;
}

const UNKNOWN = { status: 401, body: { error: "not logged in" } };

describe.each(places)("json-api.ts on $name", ({ open, missing }) => {
  test.skipIf(missing)("login, notes, logout here and everywhere", async () => {
    const origin = await runExample("json-api.ts", { STORE: await open() });
    expect(await client(origin)("GET", "/notes")).toEqual(UNKNOWN);
    expect((await client(origin)("POST", "/login", { user: "ann", password: "guess" })).status).toBe(401);

    const [phone, laptop, bob] = [await login(origin, "ann"), await login(origin, "ann"), await login(origin, "bob")];
    expect(await client(origin, phone)("POST", "/notes", { note: "milk" })).toMatchObject({ status: 201 });
    expect(await client(origin, phone)("GET", "/notes")).toEqual({ status: 200, body: ["milk"] });
    // Notes are the session's: another session of the same user has its own.
    expect(await client(origin, laptop)("GET", "/notes")).toEqual({ status: 200, body: [] });

    expect(await client(origin, phone)("POST", "/logout")).toEqual({ status: 204, body: undefined });
    expect(await client(origin, phone)("GET", "/notes")).toEqual(UNKNOWN);
    expect((await client(origin, laptop)("GET", "/notes")).status).toBe(200);

    const again = await login(origin, "ann");
    expect((await client(origin, laptop)("POST", "/logout", { everywhere: true })).status).toBe(204);
    for (const token of [laptop, again]) expect(await client(origin, token)("GET", "/notes")).toEqual(UNKNOWN);
    expect((await client(origin, bob)("GET", "/notes")).status).toBe(200);
  });

  test.skipIf(missing)("users see and end their own sessions, and nobody else's", async () => {
    const origin = await runExample("json-api.ts", { STORE: await open() });
    const [phone, laptop, bob] = [await login(origin, "ann"), await login(origin, "ann"), await login(origin, "bob")];
    const { body: me } = await client(origin, phone)("GET", "/me");
    expect(me).toMatchObject({ user: "ann", role: "user", session: expect.stringMatching(/^sess_/) as string });

    const { body } = await client(origin, phone)("GET", "/devices");
    const devices = body as readonly { readonly id: string; readonly current: boolean; readonly device: object }[];
    expect(devices).toHaveLength(2);
    expect(devices.filter(({ current }) => current)).toHaveLength(1);
    expect(devices[0]?.device).toEqual({ ip: "127.0.0.1", userAgent: "node" });
    expect(JSON.stringify(devices)).not.toContain(laptop);

    const other = devices.find(({ current }) => !current)?.id ?? "";
    expect((await client(origin, bob)("DELETE", `/devices/${other}`)).status).toBe(404);
    expect((await client(origin, laptop)("GET", "/me")).status).toBe(200);
    expect((await client(origin, phone)("DELETE", `/devices/${other}`)).status).toBe(204);
    expect(await client(origin, laptop)("GET", "/me")).toEqual(UNKNOWN);
    expect((await client(origin, phone)("DELETE", `/devices/${other}`)).status).toBe(404);
    expect((await client(origin, phone)("GET", "/me")).status).toBe(200);
  });

  test.skipIf(missing)("an admin ends sessions of others, and only an admin", async () => {
    const origin = await runExample("json-api.ts", { STORE: await open() });
    const [ann, bob, root] = [await login(origin, "ann"), await login(origin, "bob"), await login(origin, "root")];
    await login(origin, "ann");
    expect((await client(origin, bob)("DELETE", "/admin/users/ann/sessions")).status).toBe(403);
    expect(await client(origin)("DELETE", "/admin/users/ann/sessions")).toEqual(UNKNOWN);
    const listed = (await client(origin, root)("GET", "/admin/users/bob/sessions")).body as readonly { id: string }[];
    expect(listed).toHaveLength(1);

    expect(await client(origin, root)("DELETE", "/admin/users/ann/sessions")).toEqual({
      status: 200,
      body: { ended: 2 },
    });
    expect(await client(origin, ann)("GET", "/me")).toEqual(UNKNOWN);
    expect((await client(origin, bob)("GET", "/me")).status).toBe(200);
    expect((await client(origin, root)("DELETE", `/admin/sessions/${listed[0]?.id}`)).status).toBe(204);
    expect(await client(origin, bob)("GET", "/me")).toEqual(UNKNOWN);
  });
});
