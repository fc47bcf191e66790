/** What a commit is given: headers that it can set, or nothing is stored. */
import { expect, test } from "vitest";
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
  const commit = async () => session.commit(given as unknown as CommitTarget);
  await expect(commit()).rejects.toThrow(
    new TypeError(`Expected a response's \`Headers\`, or a response of Node's, to commit to, got ${shown}`),
  );
  expect(on.calls).toEqual([]);
  // The right one, now.
  const headers = new Headers();
  await session.commit(headers);
  expect(headers.getSetCookie()).toHaveLength(1);
});
