import { expect, test } from "vitest";
import { apiBench } from "../../support/ask-api.ts";

const ids = (body: Record<string, unknown>): string[] =>
  (body["items"] as readonly { readonly id: string }[]).map(({ id }) => id);

test("a user's sessions are listed with their data, by pages, and no one else's", async () => {
  const { ask, start } = apiBench();
  const first = await start({ data: { n: 1 } });
  const second = await start();
  await start({ userId: "ben" });
  const all = await ask("GET /users/ann/sessions");
  expect(ids(all.body).toSorted()).toEqual([first.id, second.id].toSorted());
  expect(all.body["items"]).toContainEqual(expect.objectContaining({ data: { n: 1 } }));
  const page = (await ask("GET /users/ann/sessions?limit=1")).body;
  const rest = (await ask(`GET /users/ann/sessions?after=${encodeURIComponent(page["next"] as string)}`)).body;
  expect([...ids(page), ...ids(rest)].toSorted()).toEqual([first.id, second.id].toSorted());
});

test("all of a user's sessions end, or all but one", async () => {
  const { ask, start } = apiBench();
  const kept = await start();
  await start();
  await start();
  const other = await start({ userId: "ben" });
  expect((await ask(`DELETE /users/ann/sessions?except=${kept.id}`)).body).toEqual({ ended: 2 });
  expect((await ask(`GET /sessions/${kept.id}`)).status).toBe(200);
  expect((await ask("DELETE /users/ann/sessions")).body).toEqual({ ended: 1 });
  expect((await ask(`GET /sessions/${other.id}`)).status).toBe(200);
});

test.each(["a/b?c#d", "100%25 + 1", "ü 🙂", "sessions", "constructor", "__proto__", "..a"])(
  "a user may be %s",
  async (userId) => {
    const { ask, start } = apiBench();
    const { id } = await start({ userId });
    const path = `/users/${encodeURIComponent(userId)}/sessions` as const;
    expect(ids((await ask(`GET ${path}`)).body)).toEqual([id]);
    expect((await ask(`DELETE ${path}`)).body).toEqual({ ended: 1 });
  },
);

test("an `after` that is no page's `next` is refused, and not repeated", async () => {
  const { ask } = apiBench();
  for (const path of ["/users/ann/sessions", "/sessions"]) {
    const got = await ask(`GET ${path as "/"}?after=no-cursor`);
    expect([got.status, got.body["detail"]]).toEqual([400, "Expected `after in the query` to be the `next` of a page"]);
  }
});

test("an `except` that is a token is refused, and ends nothing", async () => {
  const { ask, start } = apiBench();
  const { id, token } = await start();
  const got = await ask(`DELETE /users/ann/sessions?except=${token}`);
  expect([got.status, got.text.includes(token)]).toEqual([400, false]);
  expect((await ask(`GET /sessions/${id}`)).status).toBe(200);
});
