/** What every app has to do, in a real browser. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { Browser, Cookie } from "playwright-core";
import type { RedisServer } from "../../packages/sojourn/test/store/support/redis-server.ts";
import type { RunningApp } from "./app.ts";
import { otherSites } from "./other-sites.ts";
import { reload, shows, Visitor } from "./visitor.ts";

/** What a check is given. */
export interface Scene {
  readonly browser: Browser;
  readonly app: RunningApp;
  /** Starts the app once more on the same store, with sessions that live so many seconds unused. */
  readonly startShort: (ttl: number) => Promise<RunningApp>;
  /** The server that keeps the sessions, where there is one. */
  readonly redis: RedisServer | undefined;
}

/** One check. */
export interface Check {
  readonly name: string;
  /** Whether it is also made where an app is only looked at shortly: on other runtimes. */
  readonly short?: true;
  /** Only where a server keeps the sessions. */
  readonly needsServer?: true;
  readonly run: (scene: Scene) => Promise<void>;
}

export const checks: readonly Check[] = [
  { name: "a visitor has no session, and gets no cookie", short: true, run: visit },
  { name: "a wrong password lets nobody in", run: refusePassword },
  { name: "login, and a note that stays", short: true, run: keepNote },
  { name: "logout in a second tab", short: true, run: logOut },
  { name: "devices, and the end of another one", run: endDevice },
  { name: "another site's form is refused", run: refuseOtherSites },
  { name: "a new token while requests are under way", run: rotate },
  { name: "a session lives while it is used, and ends when its time is up", run: expire },
  { name: "while the store is down: 503, and nobody is logged out", needsServer: true, run: loseStore },
  { name: "nothing that it printed has a token in it", short: true, run: printNoToken },
];

async function visit({ browser, app }: Scene): Promise<void> {
  await using visitor = await Visitor.arrive(browser, app);
  await shows(visitor.page, "p#user", "nobody");
  assert.equal(await visitor.cookie(), undefined);
  assert.equal(await visitor.page.locator("form#logout").count(), 0);
}

async function refusePassword({ browser, app }: Scene): Promise<void> {
  await using visitor = await Visitor.arrive(browser, app);
  await visitor.sendLogin("ann", "wrong");
  await visitor.page.waitForLoadState();
  await visitor.page.goto(app.origin);
  await shows(visitor.page, "p#user", "nobody");
}

async function keepNote({ browser, app }: Scene): Promise<void> {
  const note = `<b>"milk" & eggs</b> – ${Date.now()}`;
  await using ann = await Visitor.arrive(browser, app);
  await ann.login("ann");
  const { httpOnly, sameSite } = await ann.ownCookie();
  assert.deepEqual({ httpOnly, sameSite }, { httpOnly: true, sameSite: "Lax" });

  await ann.page.fill("form#note input[name=note]", note);
  await ann.page.click("form#note button");
  await shows(ann.page, "p#note", note);
  const tab = await ann.openTab();
  await shows(tab, "p#user", "ann");
  await shows(tab, "p#note", note);

  await using other = await Visitor.arrive(browser, app);
  await shows(other.page, "p#user", "nobody");
  assert.equal(await other.page.locator("p#note").count(), 0);
}

async function logOut({ browser, app }: Scene): Promise<void> {
  await using ann = await Visitor.arrive(browser, app);
  await ann.login("ann");
  const cookie = await ann.ownCookie();
  const tab = await ann.openTab();
  await tab.click("form#logout button");
  await shows(tab, "p#user", "nobody");
  assert.equal(await ann.cookie(), undefined);

  // The first tab still shows the forms of somebody who is logged in.
  await ann.page.fill("form#note input[name=note]", "too late");
  await ann.page.click("form#note button");
  await ann.page.waitForLoadState();
  await ann.page.goto(app.origin);
  await shows(ann.page, "p#user", "nobody");
  assert.equal(await ann.page.locator("p#note").count(), 0);
  await isWorthless(browser, app, cookie);
}

/** Whoever has kept a cookie is not let in by it. */
async function isWorthless(browser: Browser, app: RunningApp, cookie: Cookie): Promise<void> {
  const expires = cookie.expires === -1 ? -1 : Date.now() / 1_000 + 3_600;
  await using thief = await Visitor.arrive(browser, app, [{ ...cookie, expires }]);
  await shows(thief.page, "p#user", "nobody");
}

async function endDevice({ browser, app }: Scene): Promise<void> {
  const user = `bob-${Date.now()}`;
  await using laptop = await Visitor.arrive(browser, app);
  await laptop.login(user);
  await using phone = await Visitor.arrive(browser, app);
  await phone.login(user);

  const { page } = laptop;
  await page.click("a#devices");
  await page.waitForURL("**/devices");
  await page.locator("li.device").nth(1).waitFor();
  assert.equal(await page.locator("li.device").count(), 2);
  assert.equal(await page.locator("li.device.current").count(), 1);
  await page.click("li.device:not(.current) form.end button");
  await page.locator("li.device:not(.current)").waitFor({ state: "detached" });
  assert.equal(await page.locator("li.device.current").count(), 1);

  await reload(phone.page);
  await shows(phone.page, "p#user", "nobody");
  await page.goto(app.origin);
  await shows(page, "p#user", user);
}

async function refuseOtherSites({ browser, app }: Scene): Promise<void> {
  await using ann = await Visitor.arrive(browser, app);
  await ann.login("ann");
  await using other = await otherSites(app.origin + app.manifest.noteUrl);
  const tab = await ann.context.newPage();
  for (const origin of other.origins) {
    await tab.goto(origin);
    const [answer] = await Promise.all([
      tab.waitForResponse((response) => response.request().method() === "POST"),
      tab.click("button"),
    ]);
    assert.equal(answer.status(), 403, `${origin} is refused`);
    await tab.waitForLoadState();
  }
  await reload(ann.page);
  await shows(ann.page, "p#user", "ann");
  assert.equal(await ann.page.locator("p#note").count(), 0);
}

/** How many requests are under way while the token changes: a browser makes six at once, and more are needed. */
const PARALLEL = 4;

async function rotate({ browser, app }: Scene): Promise<void> {
  await using ann = await Visitor.arrive(browser, app);
  await ann.login("ann");
  const before = await ann.ownCookie();
  const tab = await ann.openTab();

  const slow = tab.evaluate(
    async (count) =>
      Promise.all(Array.from({ length: count }, async () => fetch("/slow?ms=1000").then(async (r) => r.text()))),
    PARALLEL,
  );
  await ann.page.click("form#rotate button");
  await ann.page.waitForLoadState();
  await changes(ann, before);
  const after = await ann.ownCookie();
  assert.deepEqual(
    await slow,
    Array.from({ length: PARALLEL }, () => "ann"),
  );
  // What came last had the former token, and does not bring it back.
  assert.equal((await ann.ownCookie()).value, after.value);
  for (const page of [tab, ann.page]) {
    await reload(page);
    await shows(page, "p#user", "ann");
  }
}

/** Waits until a browser has another token. */
async function changes(visitor: Visitor, before: Cookie): Promise<void> {
  const end = performance.now() + 10_000;
  while ((await visitor.ownCookie()).value === before.value) {
    assert.ok(performance.now() < end, "the token changes");
    await pause(20);
  }
}

/** In seconds. */
const SHORT = 3;

async function expire({ browser, startShort }: Scene): Promise<void> {
  const app = await startShort(SHORT);
  try {
    await using ann = await Visitor.arrive(browser, app);
    await ann.login("ann");
    const end = performance.now() + SHORT * 1_500;
    while (performance.now() < end) {
      await pause(250);
      await reload(ann.page);
      await shows(ann.page, "p#user", "ann");
    }
    const cookie = await ann.ownCookie();
    await pause(SHORT * 1_000 + 100);
    assert.equal(await ann.cookie(), undefined, "the browser drops the cookie by itself");
    await reload(ann.page);
    await shows(ann.page, "p#user", "nobody");
    await isWorthless(browser, app, cookie);
  } finally {
    await app.stop();
  }
}

async function loseStore({ browser, app, redis }: Scene): Promise<void> {
  assert.ok(redis);
  await using ann = await Visitor.arrive(browser, app);
  await ann.login("ann");
  const before = await ann.ownCookie();
  await redis.kill();
  try {
    assert.equal(await reload(ann.page), 503);
    assert.equal((await ann.ownCookie()).value, before.value);
  } finally {
    await redis.restart();
  }
  const end = performance.now() + 15_000;
  while ((await reload(ann.page)) !== 200) assert.ok(performance.now() < end, "the app finds the store again");
  await shows(ann.page, "p#user", "ann");
}

/** The secret of a token: what nobody but its client may have. */
const TOKEN = /sess_[\w-]{65}/;

async function printNoToken({ app }: Scene): Promise<void> {
  assert.doesNotMatch(app.printed(), TOKEN);
}
