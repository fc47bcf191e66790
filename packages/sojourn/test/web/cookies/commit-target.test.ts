/** What a commit is given: headers that it can set, or nothing is stored. */
import { describe, expect, test } from "vitest";
import type { CommitTarget } from "../../../src/web/cookies/http-messages.ts";
import { setUp, stores } from "../support/visitor.ts";

test.each(
  stores.flatMap(([name, open]) => [
    { name, open, given: undefined as unknown, shown: "undefined" },
    { name, open, given: new Response(), shown: "a Response" },
    { name, open, given: "headers", shown: '"headers"' },
  ]),
)("on $name, $shown is refused before anything is stored", async ({ open, given, shown }) => {
  const on = setUp({ store: open() });
  const session = await on.web.start(new Request("https://shop.example/"));
  session.set("theme", "dark");
  const commit = async () => session.commit(given as CommitTarget);
  await expect(commit()).rejects.toThrow(
    new TypeError(`Expected a response's \`Headers\`, or a response of Node's, to commit to, got ${shown}`),
  );
  expect(on.calls).toEqual([]);
  // The right one, now.
  const headers = new Headers();
  await session.commit(headers);
  expect(headers.getSetCookie()).toHaveLength(1);
});

const url = "https://shop.example/";
const pair = (headers: Headers): string => headers.getSetCookie().at(-1)?.split(";")[0] ?? "";

describe.each(stores)("on %s, a response that an inner answer has given a cookie", (_, open) => {
  test("keeps its login, and what was set for nobody goes to that session", async () => {
    const { web, sessions } = setUp({ store: open() });
    const [outer, inner, headers] = [
      await web.start(new Request(url)),
      await web.start(new Request(url)),
      new Headers(),
    ];
    outer.set("theme", "dark");
    await inner.login("ann");
    headers.append("Set-Cookie", "theme=dark; Path=/; Expires=Thu, 01 Jan 2099 00:00:00 GMT");
    await inner.commit(headers);
    expect(await outer.commit(headers)).toBe(true);
    expect(headers.getSetCookie()).toHaveLength(2);
    const next = await web.start(new Request(url, { headers: { cookie: pair(headers) } }));
    expect([next.userId, next.get("theme")]).toEqual(["ann", "dark"]);
    expect(await sessions.count()).toBe(1);
  });

  test("gives up its session where the outer one logs in after it", async () => {
    const { web } = setUp({ store: open() });
    const [outer, inner, headers] = [
      await web.start(new Request(url)),
      await web.start(new Request(url)),
      new Headers(),
    ];
    await inner.login("ann");
    await inner.commit(headers);
    await outer.login("bob");
    await outer.commit(headers);
    expect((await web.start(new Request(url, { headers: { cookie: pair(headers) } }))).userId).toBe("bob");
  });

  test.each([
    ["a forged one", "__Host-session=sess_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.AAAA; Path=/"],
    ["one that deletes", "__Host-session=; Max-Age=0; Path=/"],
    ["another's", "__Host-session2=sess_x; Path=/"],
  ])("does not keep a new session from beginning: %s", async (_name, line) => {
    const { web } = setUp({ store: open() });
    const outer = await web.start(new Request(url));
    outer.set("theme", "dark");
    const headers = new Headers({ "Set-Cookie": line });
    await outer.commit(headers);
    expect(headers.getSetCookie()).toHaveLength(2);
    const next = await web.start(new Request(url, { headers: { cookie: pair(headers) } }));
    expect(next.get("theme")).toBe("dark");
  });
});
