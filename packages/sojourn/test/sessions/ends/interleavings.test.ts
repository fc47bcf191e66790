/** Law 12 in random orders of calls, answers and disturbances: a signal aborts if, and only if, its session has ended. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { asyncStore } from "../../../src/testing/async-store.ts";
import { heldRemovals } from "./support/held-removals.ts";
import { flush, node, reasonOf, time, type Node } from "./support/ends.ts";

const SESSIONS = 2;
type Call = "destroy" | "destroyByUser" | "authenticate" | "replace" | "signal" | "watch" | "cleanup" | "log in again";
type Line = "hold" | "release" | "cut" | "mend";

type Step =
  | { readonly call: Call; readonly via: 0 | 1; readonly which: number; readonly turns: number }
  | { readonly line: Line; readonly turns: number }
  | { readonly pass: number; readonly turns: number };

const turns = fc.constantFrom(0, 1, 2, 5, 30);
const steps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        call: fc.constantFrom<Call>(
          "destroy",
          "destroyByUser",
          "authenticate",
          "replace",
          // What is to come more often is there more often.
          "signal",
          "signal",
          "signal",
          "watch",
          "cleanup",
          "log in again",
          "log in again",
          "log in again",
        ),
        via: fc.constantFrom(0 as const, 1 as const),
        which: fc.nat({ max: SESSIONS - 1 }),
        turns,
      }),
    },
    { weight: 2, arbitrary: fc.record({ line: fc.constantFrom<Line>("hold", "release", "cut", "mend"), turns }) },
    { weight: 1, arbitrary: fc.record({ pass: fc.constantFrom(50, 200, 700, 20_000, 61_000), turns }) },
  ),
  { maxLength: 60 },
);

interface Held {
  readonly id: string;
  /** Which of the sessions that followed one another under that id was there when the signal was asked for. */
  readonly createdAt: number | undefined;
  readonly signal: AbortSignal;
}

async function agrees(all: readonly Step[]): Promise<void> {
  const memory = memoryStore();
  const shared = time();
  const link = heldRemovals(asyncStore(memory));
  const options = { ttl: "1m" } as const;
  const nodes: readonly [Node, Node] = [
    node(link.store, shared, options, { onLost: "recheck" }),
    node(asyncStore(memory), shared, options, { onLost: "recheck" }),
  ];
  const reasons = new Map<string, string[]>();
  for (const { sessions } of nodes) {
    sessions.on("ended", ({ session, reason }) => {
      reasons.set(session.id, [...(reasons.get(session.id) ?? []), reason]);
    });
  }
  const tokens = Array.from({ length: SESSIONS }, (_, index) => `adopted ${index}`);
  const ids: string[] = [];
  for (const [index, token] of tokens.entries()) {
    ids.push((await nodes[1].sessions.create(`user ${index % 2}`, {}, { token })).id);
  }
  const held: Held[] = [];
  const told: { readonly id: string; count: number }[] = [];
  const calls: Promise<unknown>[] = [];

  const make: Readonly<Record<Call, (sessions: Node["sessions"], which: number) => unknown>> = {
    destroy: (sessions, which) => sessions.destroy(ids[which]!),
    destroyByUser: (sessions, which) => sessions.destroyByUser(`user ${which % 2}`),
    authenticate: (sessions, which) => sessions.authenticate(tokens[which]),
    replace: (sessions, which) => sessions.destroy(ids[which]!, { reason: "replaced" }),
    cleanup: (sessions) => sessions.cleanup(),
    "log in again": (sessions, which) => sessions.create(`user ${which % 2}`, {}, { token: tokens[which]! }),
    signal(sessions, which) {
      const id = ids[which]!;
      const createdAt = memory.get(id, shared.clock.now())?.createdAt;
      held.push({ id, createdAt, signal: sessions.signal(id) });
    },
    watch(sessions, which) {
      const watch = { id: ids[which]!, count: 0 };
      told.push(watch);
      sessions.watch(watch.id, () => watch.count++);
    },
  };

  for (const step of all) {
    // No two sessions begin at the same instant.
    shared.clock.advance(1);
    if ("call" in step)
      calls.push(Promise.resolve(make[step.call](nodes[step.via].sessions, step.which)).catch(String));
    else if ("line" in step) link[step.line]();
    else if (step.pass <= 1_000) await shared.pass(step.pass);
    else shared.clock.advance(step.pass);
    for (let turn = 0; turn < step.turns; turn++) await Promise.resolve();
  }
  await Promise.all(calls);
  link.mend();
  link.release();
  await shared.pass("3s");
  await flush();

  const ofFollowing: AbortSignal[] = [];
  for (const { id, createdAt, signal } of held) {
    const live = memory.get(id, shared.clock.now());
    const what = `a signal of ${id}, which ended as ${reasons.get(id)?.join()}`;
    if (live === undefined) expect(signal.aborted, what).toBe(true);
    else if (live.createdAt === createdAt) expect(reasonOf(signal), what).toBeUndefined();
    // One session followed another while the store was asked: then the signal may be of the second.
    else if (!signal.aborted) ofFollowing.push(signal);
    const reason = reasonOf(signal);
    if (reason !== undefined) expect([...(reasons.get(id) ?? []), "unknown", "expired-idle"]).toContain(reason);
  }
  for (const id of ids) await nodes[1].sessions.destroy(id);
  await shared.pass("1s");
  expect(ofFollowing.map(reasonOf)).toEqual(ofFollowing.map(() => "logout"));
  for (const { count } of told) expect(count).toBeLessThanOrEqual(1);
}

test("law 12: a signal aborts if its session has ended, and only then", { timeout: 60_000 }, async () => {
  await fc.assert(fc.asyncProperty(steps, agrees), { numRuns: 1_500 });
});
