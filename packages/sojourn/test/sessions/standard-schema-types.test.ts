/** A schema's own types: what `create` takes and what a session's data is, for each kind of store. */
import { expect, expectTypeOf, test } from "vitest";
import {
  createSessions,
  memoryStore,
  type Session,
  type Sessions,
  type StandardSchema,
  type Store,
} from "../../src/index.ts";
import { cookieSessions } from "../../src/web/cookies/index.ts";
import { asyncStore } from "../../src/testing/index.ts";

interface Visits {
  readonly since: string;
  readonly count: number;
}

/** Takes dates, keeps texts, and takes what it has kept. Declared as validators declare theirs, with both types. */
const visits = {
  "~standard": {
    version: 1 as const,
    vendor: "test",
    validate(value: unknown) {
      const { since, count = 1 } = value as { since: unknown; count?: number };
      if (since instanceof Date) return { value: { since: since.toISOString(), count } };
      if (typeof since === "string") return { value: { since, count } };
      return { issues: [{ message: "neither a date nor a text", path: ["since"] }] };
    },
    types: undefined as
      | { readonly input: { readonly since: Date | string; readonly count?: number }; readonly output: Visits }
      | undefined,
  },
};

test("create takes the schema's input, and the session has its output", () => {
  const sessions = createSessions({ schema: visits });
  const session = sessions.create("ada", { since: new Date(0) });
  expectTypeOf(session.data).toEqualTypeOf<Readonly<Visits>>();
  expect(session.data).toEqual({ since: "1970-01-01T00:00:00.000Z", count: 1 });
  expect(sessions.update(session.id, { count: 2 })?.data).toEqual({ since: "1970-01-01T00:00:00.000Z", count: 2 });
  // @ts-expect-error -- neither a date nor a text
  expect(() => sessions.create("ada", { since: 5 })).toThrow(/not valid at since/);
});

test("on an asynchronous store, and on one that is chosen at run time, its calls answer as without a schema", async () => {
  const later = createSessions({ schema: visits, store: asyncStore(memoryStore()) });
  expectTypeOf(later.mode).toEqualTypeOf<"async">();
  const session = later.create("ada", { since: new Date(0) });
  expectTypeOf(session).toExtend<Promise<Session<Visits>>>();
  expect((await session).data.count).toBe(1);

  const store: Store = memoryStore();
  const either = createSessions({ schema: visits, store });
  expectTypeOf(either.mode).toEqualTypeOf<"sync" | "async">();
  expect((await either.create("ada", { since: new Date(0) })).data.count).toBe(1);
});

test("a schema whose output is no JSON does not compile", () => {
  const schema = visits as unknown as StandardSchema<{ at: Date }>;
  // @ts-expect-error -- a Date comes back as a text
  expect(createSessions({ schema })).toBeDefined();
});

test("a schema that says nothing of its input takes its output", () => {
  const schema: StandardSchema<Visits> = visits;
  const sessions = createSessions({ schema });
  expect(sessions.create("ada", { since: "now", count: 2 }).data.count).toBe(2);
  expectTypeOf(sessions).toEqualTypeOf<Sessions<Visits, "sync">>();
  // @ts-expect-error -- its output has no date
  expect(sessions.create("ada", { since: new Date(0), count: 1 }).data.count).toBe(1);
});

test("a type that is given is what create takes, whatever the schema takes", () => {
  const sessions = createSessions<Visits>({ schema: visits });
  expectTypeOf(sessions).toEqualTypeOf<Sessions<Visits, "sync">>();
  // @ts-expect-error -- a date is no text
  expect(sessions.create("ada", { since: new Date(0), count: 3 }).data.count).toBe(3);
});

test("such a manager fits where one of its output is wanted", () => {
  const web = cookieSessions({ sessions: createSessions({ schema: visits }), keys: ["k".repeat(32)] });
  expect(web).toBeDefined();
});
