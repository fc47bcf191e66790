import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test, vi } from "vitest";
import { CacheConfigError, cached, type CachedDecoratorOptions } from "../../src/cache/index.ts";
import { manualClock } from "../../src/time/manual-clock.ts";

const SOURCES = fileURLToPath(new URL("../../src/", import.meta.url));
const COMPILER = fileURLToPath(new URL("../../../../node_modules/typescript/bin/tsc", import.meta.url));

type Method = (...args: never[]) => unknown;
type AnyMethod = (...args: unknown[]) => unknown;
interface Subject {
  readonly work: AnyMethod;
}

/** A class whose method `work` is decorated as TypeScript does it with `experimentalDecorators`. */
function legacy(work: Method, options?: CachedDecoratorOptions): new () => Subject {
  class Service {
    readonly own = true;
  }
  const descriptor = { value: work, writable: true, enumerable: false, configurable: true };
  Object.defineProperty(Service.prototype, "work", cached(options)(Service.prototype, "work", descriptor));
  return Service as unknown as new () => Subject;
}

/** The same as the standard has it. */
function standard(work: Method, options?: CachedDecoratorOptions): new () => Subject {
  class Service {
    readonly own = true;
  }
  const context = { kind: "method", name: "work" } as ClassMethodDecoratorContext<unknown, AnyMethod>;
  const value = cached(options)<unknown, never[], unknown>(work, context as never);
  Object.defineProperty(Service.prototype, "work", { value, writable: true, configurable: true });
  return Service as unknown as new () => Subject;
}

for (const [form, decorate] of [
  ["legacy", legacy],
  ["standard", standard],
] as const) {
  test(`${form}: keeps results by their arguments, for all instances together`, () => {
    const spy = vi.fn<(this: unknown, a: number, b?: string) => unknown[]>((a, b) => [a, b]);
    const Service = decorate(spy);
    const one = new Service();
    const two = new Service();
    expect(one.work(1, "x")).toEqual([1, "x"]);
    expect(two.work(1, "x")).toBe(one.work(1, "x"));
    expect(two.work(2)).toEqual([2, undefined]);
    expect(spy).toHaveBeenCalledTimes(2);
  });

  test(`${form}: on one instance and on another at once, one call`, async () => {
    const spy = vi.fn<(id: string) => Promise<string>>(async (id) => `user ${id}`);
    const Service = decorate(spy);
    expect(await Promise.all([new Service().work("a"), new Service().work("a")])).toEqual(["user a", "user a"]);
    expect(spy).toHaveBeenCalledTimes(1);
  });

  test(`${form}: two methods share nothing, even if one decorator made them`, () => {
    const options = { maxSize: 1 };
    const one = new (decorate((n: number) => `one ${n}`, options))();
    const two = new (decorate((n: number) => `two ${n}`, options))();
    expect([one.work(1), two.work(1), one.work(1)]).toEqual(["one 1", "two 1", "one 1"]);
  });

  test(`${form}: keeps results for each instance, if told so`, () => {
    const spy = vi.fn<(this: unknown, a: number, b?: string) => unknown[]>(function (this: unknown, a, b) {
      return [this, a, b];
    });
    const Service = decorate(spy, { perInstance: true });
    const one = new Service();
    const two = new Service();
    expect(one.work(1, "x")).toBe(one.work(1, "x"));
    expect(one.work(1, "x")).toEqual([one, 1, "x"]);
    expect(two.work(1, "x")).toEqual([two, 1, "x"]);
    expect(one.work(2)).toEqual([one, 2, undefined]);
    expect(spy).toHaveBeenCalledTimes(3);
  });

  test(`${form}: expires, evicts, and keeps undefined`, () => {
    const clock = manualClock();
    const spy = vi.fn<(n: number) => undefined>();
    const Service = decorate(spy, { ttl: 100, maxSize: 2, clock });
    const service = new Service();
    service.work(1);
    service.work(1);
    expect(spy).toHaveBeenCalledTimes(1);
    clock.advance(100);
    service.work(1);
    expect(spy).toHaveBeenCalledTimes(1);
    clock.advance(1);
    service.work(1);
    expect(spy).toHaveBeenCalledTimes(2);
    service.work(2);
    service.work(3);
    service.work(1);
    expect(spy).toHaveBeenCalledTimes(5);
  });

  test(`${form}: calls at once share one promise; a rejection is not kept`, async () => {
    let fail = true;
    const spy = vi.fn<(id: string) => Promise<string>>(async (id) => {
      if (fail) throw new Error("down");
      return `user ${id}`;
    });
    const service = new (decorate(spy))();
    const first = service.work("a");
    expect(service.work("a")).toBe(first);
    await expect(first).rejects.toThrow("down");
    fail = false;
    expect(await Promise.all([service.work("a"), service.work("a"), service.work("b")])).toEqual([
      "user a",
      "user a",
      "user b",
    ]);
    expect(service.work("a")).toBeInstanceOf(Promise);
    expect(await service.work("a")).toBe("user a");
    expect(spy).toHaveBeenCalledTimes(3);
  });

  test(`${form}: hooks and weights are given the results themselves`, async () => {
    const told: string[] = [];
    const service = new (decorate(async (n: number) => n * 2, {
      hooks: {
        onSet: ({ key, value }) => told.push(`set ${key} ${String(value)}`),
        onHit: ({ value }) => told.push(`hit ${String(value)}`),
        onMiss: ({ key, reason }) => told.push(`miss ${key} ${reason}`),
        onEvict: ({ key, value }) => told.push(`evict ${key} ${String(value)}`),
      },
      maxWeight: 10,
      sizeCalculation: Number,
    }))();
    await service.work(2);
    await service.work(2);
    await service.work(4);
    expect(told).toEqual([
      "miss work:[2] not_found",
      "set work:[2] 4",
      "hit 4",
      "miss work:[4] not_found",
      "evict work:[2] 4",
      "set work:[4] 8",
    ]);
  });
}

test("arguments that differ never share a result, and equal ones do", () => {
  const groups: unknown[][][] = [
    [[], []],
    [[undefined], [undefined]],
    [[null]],
    [[Number.NaN]],
    [[0]],
    [[-0]],
    [["0"]],
    [[1n], [1n]],
    [[1, undefined]],
    [["1"]],
    [[1]],
    [[[1]]],
    [[{ a: 1 }], [{ a: 1 }], [{ a: 1, b: undefined }]],
    [[{ a: "1" }]],
    [[new Date(0)], [new Date(0)]],
    [["1970-01-01T00:00:00.000Z"]],
    [[new Map([[1, 2]])], [new Map([[1, 2]])]],
    [[new Map()]],
    [[new Set([1])]],
    [[new Set()]],
    [[{}], [{}]],
    [["a", "b"]],
    [['a","b']],
    [[Symbol.for("a")], [Symbol.for("a")]],
    [[Symbol("a")]],
    [[expect], [expect]],
    [[test]],
    [[new WeakMap()]],
    [[new WeakMap()]],
    [[/a/]],
    [[new URL("https://a.example/")], [new URL("https://a.example/")]],
  ];
  let calls = 0;
  const service = new (legacy(() => ++calls, { maxSize: 0 }))();
  const results = groups.map((group) => group.map((args) => service.work(...args)));
  for (const group of results) expect(new Set(group).size).toBe(1);
  expect(new Set(results.flat()).size).toBe(groups.length);
  const circle: unknown[] = [];
  circle.push(circle);
  expect(() => service.work(circle)).toThrow(TypeError);
});

test("keyGenerator decides before hashKeys, behind the method's name; and hashed keys have one length", () => {
  const keys: string[] = [];
  const hooks = { onSet: ({ key }: { readonly key: string }) => void keys.push(key) };
  const byId = new (legacy((user: { readonly id: string }) => user, {
    keyGenerator: (args) => args[0].id,
    hashKeys: true,
    hooks,
  }))();
  expect(byId.work({ id: "1", n: 1 })).toBe(byId.work({ id: "1", n: 2 }));
  const hashed = new (legacy((n: number) => n, { hashKeys: true, maxSize: 0, hooks }))();
  for (let i = 0; i < 5_000; i++) expect(hashed.work(i)).toBe(i);
  expect(keys[0]).toBe("work:1");
  expect(keys.slice(1).every((key) => /^work:[0-9a-f]{16}$/.test(key))).toBe(true);
});

function add(a: number, b: number): number {
  return a + b;
}

test("the method keeps its name and length, and works without an object", () => {
  const { work } = legacy(add).prototype as Subject;
  expect([work.name, work.length, work(1, 2)]).toEqual(["add", 2, 3]);
});

test("a bad option is refused when decorating, and so is what is no method", () => {
  expect(() => cached({ maxSize: -1 })).toThrow(CacheConfigError);
  expect(() => cached({ maxsize: 1 } as never)).toThrow(/option of `cached`, such as `maxSize`, got "maxsize"/);
  expect(() => cached({ perInstance: 1 as never })).toThrow(/perInstance must be true or false, got 1/);
  expect(() => cached()({}, "x", { get: () => 1 })).toThrow(/@cached is for methods/);
});

/** Written as a user writes it, for the compiler. */
const PROGRAM = `
import { cached } from "./cache/index.ts";
class Service {
  calls = 0;
  @cached<string>({ ttl: 60_000 })
  async user(id: string): Promise<string> {
    this.calls++;
    return id.toUpperCase();
  }
  @cached<number>()
  sum(a: number, b: number): number {
    this.calls++;
    return a + b;
  }
  @cached<string>({ keyGenerator: (args) => args[0].id })
  name(user: { id: string; name: string }): string {
    return user.name;
  }
}
const one = new Service();
const users: string[] = await Promise.all([one.user("a"), one.user("a")]);
const sums: number[] = [one.sum(1, 2), one.sum(1, 2), new Service().sum(1, 2)];
export const result = { users, sums, name: one.name({ id: "1", name: "x" }), calls: one.calls };
`;

test.each([[true], [false]])("compiles and runs with experimentalDecorators: %s", async (experimentalDecorators) => {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-cached-"));
  try {
    for (const part of ["cache", "time", "tokens", "options.ts", "show.ts", "node-builtins.d.ts"])
      cpSync(join(SOURCES, part), join(folder, part), { recursive: true });
    writeFileSync(join(folder, "program.ts"), PROGRAM);
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    const compilerOptions = {
      target: "es2022",
      lib: ["es2023"],
      module: "nodenext",
      types: [],
      strict: true,
      exactOptionalPropertyTypes: true,
      rewriteRelativeImportExtensions: true,
      experimentalDecorators,
      outDir: "out",
    };
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions, files: ["program.ts", "node-builtins.d.ts"] }),
    );
    execFileSync(process.execPath, [COMPILER, "-p", folder], { encoding: "utf8" });
    const program = (await import(pathToFileURL(join(folder, "out/program.js")).href)) as { readonly result: unknown };
    expect(program.result).toEqual({ users: ["A", "A"], sums: [3, 3, 3], name: "x", calls: 2 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
