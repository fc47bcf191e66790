/** Each lock file is whole: `npm ci` refuses one that leaves out another platform's packages. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

interface Locked {
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly resolved?: string;
  readonly link?: boolean;
}
const root = fileURLToPath(new URL("..", import.meta.url));

describe.each(globSync("{,site/,frameworks/}package-lock.json", { cwd: root }))("%s", (file) => {
  const { packages } = JSON.parse(readFileSync(join(root, file), "utf8")) as {
    packages: Readonly<Record<string, Locked>>;
  };

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
});
