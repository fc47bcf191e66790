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
});
