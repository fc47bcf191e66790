/** What holds for Next 16, and a middleware of the application's own with the session. */
import assert from "node:assert/strict";
import type { Check, Scene } from "../driver/checks.ts";
import { Visitor } from "../driver/visitor.ts";
import { checks as shared, digestOf } from "../next/checks.ts";

export const checks: readonly Check[] = [
  ...shared,
  {
    name: "a token that the middleware rotates is seen by the page of the same request, and by those under way",
    run: rotateInMiddleware,
  },
  { name: "the middleware redirects whoever is not logged in", run: redirectVisitors },
];

async function rotateInMiddleware({ browser, app }: Scene): Promise<void> {
  await using ann = await Visitor.arrive(browser, app);
  await ann.login("ann");
  for (const path of ["/proof/cookie?rotate", "/proof/seen?rotate", "/members?rotate"]) {
    const before = await ann.ownCookie();
    const slow = ann.page.evaluate(async () => (await fetch("/slow?ms=500")).text());
    const tab = await ann.context.newPage();
    await tab.goto(app.origin + path);
    const { value } = await ann.ownCookie();
    assert.notEqual(value, before.value);
    assert.equal(await tab.textContent("#seen, body > pre"), `ann ${digestOf(value)}`);
    assert.equal(await slow, "ann");
    assert.equal((await ann.ownCookie()).value, value);
    await tab.close();
  }
}

async function redirectVisitors({ browser, app }: Scene): Promise<void> {
  await using visitor = await Visitor.arrive(browser, app);
  await visitor.page.goto(`${app.origin}/members`);
  assert.equal(visitor.page.url(), `${app.origin}/`);
  assert.equal(await visitor.cookie(), undefined);
}
