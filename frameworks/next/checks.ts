/** What Next does with sessions, beside what every app has to do. The pages are in app/proof. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Page } from "playwright-core";
import type { Check, Scene } from "../driver/checks.ts";
import { reload, shows, Visitor } from "../driver/visitor.ts";

export const checks: readonly Check[] = [
  { name: "an action logs in, reads the user, and its page shows them", run: logInAndRead },
  { name: "login and the next page come with one answer", run: logInAndRedirect },
  { name: "actions at once keep what each has set", run: keepTogether },
  { name: "an action that throws changes nothing, and notFound() keeps the changes", run: failAndLeave },
  { name: "a prefetch extends no session, and begins none", run: prefetch },
  { name: "a cookie that the proxy renews is seen by the page and the Route Handler of the same request", run: renew },
  { name: "a stream begins after the commit, and nothing can be changed in it", run: stream },
  { name: "a page and after() can read, and not write", run: refuseWrites },
  { name: "Route Handlers and the Pages Router refuse other sites without the proxy", run: refuseWithoutProxy },
  { name: "the Pages Router reads and writes", run: usePages },
  {
    name: "behind the proxy, a store that is down is a digest in pages and actions, and 503 elsewhere",
    needsServer: true,
    run: loseStore,
  },
];

/** Headers of requests that pass by the proxy, since its matcher leaves out what is prefetched. */
const pastProxy = ({ app }: Scene): Record<string, string> =>
  app.manifest.name === "next" ? { "next-router-prefetch": "1" } : { purpose: "prefetch" };

export const digestOf = (value: string): string => createHash("sha256").update(value).digest("hex");

/** Presses a button of /proof, and resolves with what its action has ended with. */
async function press(page: Page, name: string): Promise<string> {
  await page.click(`button#${name}`);
  await page.waitForFunction(() => document.querySelector("#result")?.textContent?.endsWith(";"));
  return (await page.textContent("#result"))?.slice(0, -1) ?? "";
}

async function proofOf({ browser, app }: Pick<Scene, "browser" | "app">): Promise<Visitor> {
  const ann = await Visitor.arrive(browser, app);
  await ann.login("ann");
  await ann.page.goto(`${app.origin}/proof`);
  return ann;
}

async function logInAndRead(scene: Scene): Promise<void> {
  await using ann = await proofOf(scene);
  assert.equal(await press(ann.page, "login"), "bob");
  await shows(ann.page, "#user", "bob");
}

async function logInAndRedirect({ browser, app }: Scene): Promise<void> {
  await using ann = await Visitor.arrive(browser, app);
  const posts: number[] = [];
  ann.page.on("response", (response) => void (response.request().method() === "POST" && posts.push(response.status())));
  await ann.login("ann");
  assert.equal(posts.length, 1);
  assert.ok((await ann.ownCookie()).httpOnly);
}

async function keepTogether(scene: Scene): Promise<void> {
  await using ann = await proofOf(scene);
  await press(ann.page, "together");
  await reload(ann.page);
  await shows(ann.page, "#note", "abc");
  assert.equal(await press(ann.page, "both"), "a,true");
}

async function failAndLeave(scene: Scene): Promise<void> {
  await using ann = await proofOf(scene);
  const before = await ann.ownCookie();
  assert.match(await press(ann.page, "fail"), /^failed/);
  assert.equal((await ann.ownCookie()).value, before.value);
  await reload(ann.page);
  await shows(ann.page, "#user", "ann");
  assert.match(await press(ann.page, "leave"), /^failed NEXT_HTTP_ERROR_FALLBACK;404/);
  await ann.page.goto(`${scene.app.origin}/proof`);
  await shows(ann.page, "#note", "kept");
}

/** In seconds: after a tenth of it, the next request extends. */
const SHORT = 20;

async function prefetch({ browser, startShort }: Scene): Promise<void> {
  const app = await startShort(SHORT);
  try {
    await using ann = await proofOf({ browser, app });
    const before = await ann.ownCookie();
    await pause(SHORT * 100 + 1_500);
    const prefetched = ann.page.waitForResponse(
      (response) => response.request().headers()["next-router-prefetch"] !== undefined,
    );
    await ann.page.click("button#show");
    assert.equal((await prefetched).status(), 200);
    // Whatever else is asked for because the link is in view.
    await pause(1_000);
    assert.deepEqual(await ann.cookie(), before);
    // What a user asks for does.
    await ann.page.click("a#link");
    await ann.page.waitForURL("**/devices");
    await reload(ann.page);
    assert.notEqual((await ann.ownCookie()).value, before.value);
  } finally {
    await app.stop();
  }
}

async function renew({ browser, startShort }: Scene): Promise<void> {
  const app = await startShort(SHORT);
  try {
    for (const path of ["/proof/cookie", "/proof/seen"]) {
      await using ann = await proofOf({ browser, app });
      const before = await ann.ownCookie();
      await pause(SHORT * 100 + 1_500);
      await ann.page.goto(app.origin + path);
      const { value } = await ann.ownCookie();
      assert.notEqual(value, before.value);
      assert.equal(await ann.page.textContent("#seen, body > pre"), `ann ${digestOf(value)}`);
    }
  } finally {
    await app.stop();
  }
}

async function stream(scene: Scene): Promise<void> {
  await using ann = await proofOf(scene);
  const text = await ann.page.evaluate(async () => (await fetch("/proof/stream", { method: "POST" })).text());
  assert.match(text, /^streamed: The session was committed with the response's headers/);
  await reload(ann.page);
  await shows(ann.page, "#note", "streamed");
}

async function refuseWrites(scene: Scene): Promise<void> {
  await using ann = await proofOf(scene);
  const refusal = /Expected `withSession` in a Server Action or a Route Handler/;
  await ann.page.goto(`${scene.app.origin}/proof/render-write`);
  assert.match((await ann.page.textContent("#seen")) ?? "", refusal);
  const after = await ann.page.evaluate(async () => {
    await fetch("/proof/after", { method: "POST" });
    let text = "";
    while (text === "") text = await (await fetch("/proof/after")).text();
    return text;
  });
  assert.match(after, /^ann: /);
  assert.match(after, refusal);
  await ann.page.goto(`${scene.app.origin}/proof`);
  await shows(ann.page, "#note", "");
}

async function refuseWithoutProxy(scene: Scene): Promise<void> {
  await using ann = await proofOf(scene);
  const { name, value } = await ann.ownCookie();
  const headers = { ...pastProxy(scene), cookie: `${name}=${value}`, "sec-fetch-site": "cross-site" };
  for (const path of ["/note", "/api/legacy"]) {
    const answer = await fetch(scene.app.origin + path, {
      method: "POST",
      headers,
      body: new URLSearchParams({ note: "forged" }),
    });
    assert.equal(answer.status, 403, path);
    assert.equal(answer.headers.getSetCookie().length, 0);
  }
  await reload(ann.page);
  await shows(ann.page, "#note", "");
}

async function usePages(scene: Scene): Promise<void> {
  await using ann = await proofOf(scene);
  const answer = await ann.page.evaluate(async () => {
    await fetch("/api/legacy", { method: "POST", body: new URLSearchParams({ note: "from an API route" }) });
    return (await fetch("/api/legacy")).json();
  });
  assert.deepEqual(answer, { user: "ann", note: "from an API route" });
  await ann.page.goto(`${scene.app.origin}/legacy`);
  await shows(ann.page, "#user", "ann");
  // A visitor begins a session there.
  await using other = await Visitor.arrive(scene.browser, scene.app);
  await other.page.evaluate(async () =>
    fetch("/api/legacy", { method: "POST", body: new URLSearchParams({ note: "new" }) }),
  );
  assert.ok((await other.ownCookie()).httpOnly);
}

async function loseStore(scene: Scene): Promise<void> {
  const { app, redis } = scene;
  assert.ok(redis);
  await using ann = await proofOf(scene);
  const before = await ann.ownCookie();
  await ann.context.setExtraHTTPHeaders(pastProxy(scene));
  await redis.kill();
  try {
    assert.equal(await press(ann.page, "login"), "failed sojourn:store_unavailable");
    for (const path of ["/note", "/api/legacy"]) {
      const status = await ann.page.evaluate(
        async (url) => (await fetch(url, { method: "POST", body: new URLSearchParams({ note: "lost" }) })).status,
        path,
      );
      assert.equal(status, 503, path);
    }
    assert.equal((await ann.page.goto(`${app.origin}/legacy`))?.status(), 503);
    await ann.page.goto(app.origin);
    await shows(ann.page, "#error", "We cannot see who you are right now. Please try again.");
    assert.deepEqual(await ann.cookie(), before);
  } finally {
    await redis.restart();
  }
  const end = performance.now() + 15_000;
  while ((await ann.page.goto(`${app.origin}/legacy`))?.status() !== 200) {
    assert.ok(performance.now() < end, "the app finds the store again");
  }
  await ann.page.goto(app.origin);
  await shows(ann.page, "#user", "ann");
}
