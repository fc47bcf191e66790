/** The dashboard and the alerts name what a scrape has, and the docs explain every alert. */
import { readFileSync } from "node:fs";
import { createSessions } from "sojourn";
import { beforeAll, describe, expect, test } from "vitest";
import { serverMetrics } from "../../src/node/server-metrics.ts";
import { readExposition, type Exposition } from "../support/exposition.ts";

const read = (path: string): string => readFileSync(new URL(`../../../../${path}`, import.meta.url), "utf8");
const ALERTS = read("deploy/alerts.yml");
const GRAFANA = read("deploy/grafana.json");

/** Each metric that the expressions in a text name, with the labels that it is picked by. */
function namedIn(text: string): ReadonlySet<string> {
  return new Set(text.match(/\b(?:sojourn|nodejs|process)_[a-z\d_]+/g));
}

let scrape: Exposition;
beforeAll(async () => {
  const { text, sessions } = serverMetrics({ sessions: createSessions(), version: "1.2.3", store: "memory" });
  // A histogram has a series for each outcome once there was one.
  await sessions.authenticate("nobody");
  scrape = readExposition(await text());
});

describe.each([
  ["deploy/alerts.yml", ALERTS, 6],
  ["deploy/grafana.json", GRAFANA, 12],
] as const)("%s", (_, text, least) => {
  test("names only what there is", () => {
    const named = [...namedIn(text)];
    expect(named.length).toBeGreaterThanOrEqual(least);
    const has = new Set([...scrape.values.keys()].map((series) => series.replace(/\{.*/s, "")));
    expect(named.filter((name) => !has.has(name))).toEqual([]);
  });

  test("picks only values that a label can have", () => {
    const picked = [...text.matchAll(/(sojourn_\w+)\{[^}]*?(reason|code)=~?\\?"([^"\\]+)/g)];
    for (const [, name = "", label = "", values = ""] of picked) {
      for (const value of values.split("|"))
        expect([...scrape.values.keys()]).toContain(`${name}{${label}="${value}"}`);
    }
  });
});

test("the dashboard is JSON, and every panel has a title, an explanation and an expression", () => {
  const { panels } = JSON.parse(GRAFANA) as {
    panels: { title: string; description: string; targets: { expr: string }[] }[];
  };
  expect(panels.length).toBeGreaterThan(0);
  for (const { title, description, targets } of panels) {
    expect([title, description, ...targets.map(({ expr }) => expr)]).not.toContain("");
    expect(targets.length, title).toBeGreaterThan(0);
  }
});

test("the docs say what every alert and every metric of ours means", () => {
  const docs = read("docs/operating.md");
  const alerts = [...ALERTS.matchAll(/- alert: (\w+)/g)].map(([, name]) => name as string);
  expect(alerts.length).toBeGreaterThan(5);
  for (const name of alerts) expect(docs).toContain(`| \`${name}\` |`);
  for (const name of scrape.types.keys()) if (name.startsWith("sojourn_")) expect(docs).toContain(`\`${name}\``);
});
