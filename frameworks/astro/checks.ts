/** What Astro does with sessions, beside what every app has to do. The pages are in src/pages. */
import assert from "node:assert/strict";
import type { Check, Scene } from "../driver/checks.ts";
import { shows, Visitor } from "../driver/visitor.ts";

export const checks: readonly Check[] = [
  { name: "the page for a 404 belongs to the same request", run: leave },
  { name: "a page that throws changes nothing", run: fail },
  { name: "a rewrite belongs to the same request", run: rewrite },
  { name: "what is streamed comes after the commit: it can read, and not change", run: stream },
  { name: "a prerendered page says that it has no session, and a component with server:defer has one", run: prerender },
  {
    name: "a page of a store that is down is a 503, also where the page changes the session",
    needsServer: true,
    run: loseStore,
  },
];

async function annOf({ browser, app }: Scene): Promise<Visitor> {
  const ann = await Visitor.arrive(browser, app);
  await ann.login("ann");
  return ann;
}

/** Opens a path. Resolves with the status, and with how many cookies were set. */
async function open(visitor: Visitor, path: string): Promise<readonly [status: number, cookies: number]> {
  const response = await visitor.page.goto(visitor.app.origin + path);
  assert.ok(response);
  const headers = await response.headersArray();
  return [response.status(), headers.filter(({ name }) => name.toLowerCase() === "set-cookie").length];
}

async function leave(scene: Scene): Promise<void> {
  await using ann = await annOf(scene);
  const before = await ann.ownCookie();
  assert.deepEqual(await open(ann, "/proof/gone"), [404, 1]);
  await shows(ann.page, "#status", "404");
  await shows(ann.page, "p#user", "ann");
  assert.notEqual((await ann.ownCookie()).value, before.value);
  await open(ann, "/");
  await shows(ann.page, "p#note", "gone");
  assert.deepEqual(await open(ann, "/no-such-page"), [404, 0]);
  await shows(ann.page, "p#user", "ann");
}

async function fail(scene: Scene): Promise<void> {
  await using ann = await annOf(scene);
  assert.deepEqual(await open(ann, "/proof/broken"), [500, 0]);
  await shows(ann.page, "p#user", "ann");
  await shows(ann.page, "p#note", "");
  await open(ann, "/");
  assert.equal(await ann.page.locator("p#note").count(), 0);
}

async function rewrite(scene: Scene): Promise<void> {
  await using ann = await annOf(scene);
  await open(ann, "/proof/moved");
  await shows(ann.page, "p#user", "ann");
  await shows(ann.page, "p#note", "moved");
  await open(ann, "/");
  await shows(ann.page, "p#note", "moved");
}

async function stream(scene: Scene): Promise<void> {
  await using ann = await annOf(scene);
  await open(ann, "/proof/streamed");
  await shows(ann.page, "p#note", "streamed");
  await shows(
    ann.page,
    "#change",
    "TypeError: The session was committed with the response's headers: a change has to come before them",
  );
  await open(ann, "/");
  await shows(ann.page, "p#note", "streamed");
}

async function prerender(scene: Scene): Promise<void> {
  await using ann = await annOf(scene);
  assert.deepEqual(await open(ann, "/about"), [200, 0]);
  const refused = (await ann.page.textContent("#refused")) ?? "";
  assert.match(refused, /^TypeError: Expected a page that is rendered on demand: /);
  await shows(ann.page, "p#user", "ann");
}

async function loseStore(scene: Scene): Promise<void> {
  const { redis } = scene;
  assert.ok(redis);
  await using ann = await annOf(scene);
  await redis.kill();
  try {
    assert.equal((await open(ann, "/proof/moved"))[0], 503);
    assert.equal((await open(ann, "/no-such-page"))[0], 503);
  } finally {
    await redis.restart();
  }
}
