/** The lock file is whole: `npm ci` refuses one that leaves out another platform's packages. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

interface Locked {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly resolved?: string;
  readonly link?: boolean;
}
const path = fileURLToPath(new URL("../package-lock.json", import.meta.url));
const { packages } = JSON.parse(readFileSync(path, "utf8")) as { packages: Readonly<Record<string, Locked>> };

test("has an entry for every platform's optional package", () => {
  const entries = Object.keys(packages);
  const optional = Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
    Object.keys(optionalDependencies),
  );
  expect(optional.length).toBeGreaterThan(10);
  const missing = optional.filter((name) => !entries.some((entry) => entry.endsWith(`node_modules/${name}`)));
  expect(missing).toEqual([]);
});

test("names no registry", () => {
  const named = Object.values(packages).filter(({ resolved, link }) => resolved !== undefined && link !== true);
  expect(named).toEqual([]);
});
