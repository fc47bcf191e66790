/** The program of `examples/storage-app.ts`, end to end: login, profile, logout, and both lifetimes. */
import { backend, sessionRoutes } from "../../../../../examples/storage-app.ts";
import { equal } from "../../../src/testing/expect.ts";
import { DAY_SECONDS, storageCase, type StorageCase } from "./storage-case.ts";

const origin = "http://localhost";

export const seedProgram: StorageCase = storageCase("login, profile and logout, with both lifetimes", async (scene) => {
  const { clock, open } = scene;
  const app = backend();
  sessionRoutes(app, open({ namespace: "auth", ttlSeconds: DAY_SECONDS }));

  const login = async (rememberMe?: boolean): Promise<string> => {
    const body = JSON.stringify({ email: "ann@example.org", ...(rememberMe !== undefined && { rememberMe }) });
    const response = await app.fetch(new Request(`${origin}/api/auth/login`, { method: "POST", body }));
    const { status, token } = (await response.json()) as { status: string; token: string };
    equal([response.status, status], [200, "logged_in"], "the login");
    return token;
  };
  const profile = async (authorization?: string): Promise<[number, string]> => {
    const headers = authorization === undefined ? {} : { authorization };
    const response = await app.fetch(new Request(`${origin}/api/profile`, { headers }));
    return [response.status, await response.text()];
  };
  const logout = async (authorization: string): Promise<void> => {
    const request = new Request(`${origin}/api/auth/logout`, { method: "POST", headers: { authorization } });
    equal(await (await app.fetch(request)).json(), { loggedOut: true }, "the logout");
  };

  const hello: [number, string] = [200, '{"message":"Hello, ann@example.org!","roles":["admin"]}'];
  const ended: [number, string] = [401, "Session expired or invalid"];
  const [short, long, other] = [await login(), await login(true), await login(false)];
  equal(await profile(), [401, "Unauthorized"], "a profile without a token");
  equal(await profile("Basic YTpi"), [401, "Unauthorized"], "a profile with another scheme");
  equal(await profile("Bearer nobody"), ended, "a profile with an unknown token");
  for (const token of [short, long, other]) equal(await profile(`Bearer ${token}`), hello, "a profile");

  await logout(`Bearer ${other}`);
  equal(await profile(`Bearer ${other}`), ended, "a profile after the logout");
  await logout(`Bearer ${other}`);

  clock.advance(DAY_SECONDS * 1_000 - 1);
  equal(await profile(`Bearer ${short}`), hello, "the short session in its last millisecond");
  clock.advance(1);
  equal(await profile(`Bearer ${short}`), ended, "the short session at its end");
  equal(await profile(`Bearer ${long}`), hello, "the long session after a day");
  clock.advance(29 * DAY_SECONDS * 1_000 - 1);
  equal(await profile(`Bearer ${long}`), hello, "the long session in its last millisecond");
  clock.advance(1);
  equal(await profile(`Bearer ${long}`), ended, "the long session at its end");
});
