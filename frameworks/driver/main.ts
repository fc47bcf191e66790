/**
 * Builds the apps of `frameworks/`, and drives each in a real browser, on every store: `npm run test:frameworks`, or
 * `npm run test:frameworks -- express hono` for some of them.
 */
import { test, type TestContext } from "node:test";
import { chromium, type Browser } from "playwright-core";
import { chromiumBinary } from "../../packages/sojourn/test/web/support/chromium-binary.ts";
import { findChromium } from "../../test/support/find-chromium.ts";
import { findRedis } from "../../test/support/find-redis.ts";
import { build, ownChecks, readApps, start, type Manifest, type RunningApp } from "./app.ts";
import { checks, type Check } from "./checks.ts";
import { memory, places, type Place } from "./places.ts";
import { prepare } from "./prepare.ts";
import { findRuntime, node24, type Runtime } from "./runtimes.ts";

/** How long one check may take, in milliseconds. */
const CHECK_LIMIT = 120_000;

const skipped = [await findChromium(process.env), await findRedis(process.env)].filter((line) => line !== undefined);
for (const line of skipped) process.stdout.write(`${line}\n`);

const apps = readApps(process.argv.slice(2));
const executablePath = chromiumBinary();
if (executablePath !== undefined) {
  await prepare();
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const built = buildAll();
  for (const app of apps) {
    await test(app.name, { concurrency: places.length }, async (t) => {
      await built.get(app);
      await drive(t, browser, app);
    });
  }
  await browser.close();
}

/** Builds the apps one after the other, while those before are driven. */
function buildAll(): ReadonlyMap<Manifest, Promise<void>> {
  let before: Promise<void> = Promise.resolve();
  return new Map(
    apps.map((app) => {
      const built = before.then(async () => build(app));
      // Whoever drives the app hears of it.
      before = built.catch(() => {});
      return [app, built];
    }),
  );
}

/** An app on this Node with every store, all at the same time, and then shortly on other runtimes. */
async function drive(t: TestContext, browser: Browser, app: Manifest): Promise<void> {
  const all = [...(await ownChecks(app)), ...checks];
  const names = new Set(all.map(({ name }) => name));
  for (const name of Object.keys(app.skip ?? {})) if (!names.has(name)) throw new Error(`No check is called "${name}"`);
  const onStores = places.map(async (place) =>
    t.test(place.name, { skip: place.missing() }, async (t) =>
      play(t, { browser, app, place, runtime: node24, checks: all }),
    ),
  );
  await Promise.all(onStores);
  for (const name of app.runtimes) {
    const runtime = findRuntime(name);
    await t.test(name, { skip: runtime === undefined && "it is not installed here" }, async (t) =>
      play(t, { browser, app, place: memory, runtime: runtime ?? node24, checks: checks.filter(({ short }) => short) }),
    );
  }
}

interface Play {
  readonly browser: Browser;
  readonly app: Manifest;
  readonly place: Place;
  readonly runtime: Runtime;
  readonly checks: readonly Check[];
}

/** Makes the checks of one app at one place, one after the other. */
async function play(t: TestContext, { browser, app: manifest, place, runtime, checks }: Play): Promise<void> {
  const { store, redis, close } = await place.open();
  t.after(close);
  const app = await start(manifest, { runtime, store });
  t.after(async () => app.stop());
  const startShort = async (ttl: number): Promise<RunningApp> => start(manifest, { runtime, store, ttl });
  for (const { name, needsServer, run } of checks) {
    if (needsServer === true && redis === undefined) continue;
    await t.test(name, { skip: manifest.skip?.[name] ?? false, timeout: CHECK_LIMIT }, async (t) => {
      const printed = app.printed().length;
      try {
        await run({ browser, app, startShort, redis });
      } catch (error) {
        t.diagnostic(`${manifest.name} printed:\n${app.printed().slice(printed)}`);
        throw error;
      }
    });
  }
}
