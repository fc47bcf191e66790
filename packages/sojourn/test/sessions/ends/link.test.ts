import { expect, test } from "vitest";
import { StoreError } from "../../../src/errors.ts";
import { endLink, type EndLink } from "../../../src/sessions/ends/link.ts";
import type { Moment } from "../../../src/time/moment.ts";

interface Bench {
  readonly link: EndLink;
  /** Answers the question that was asked first, of those that were not answered. */
  answer(fault?: Error): Promise<void>;
  /** How many questions were asked. */
  asked(): number;
  readonly proven: readonly number[];
  now: number;
}

function bench(span: number): Bench {
  const open: { resolve(): void; reject(fault: Error): void }[] = [];
  const proven: number[] = [];
  let asked = 0;
  const present = (): Moment => ({ elapsed: made.now, at: made.now });
  const confirm = async (): Promise<void> => {
    asked++;
    return new Promise((resolve, reject) => open.push({ resolve, reject }));
  };
  const made: Bench = {
    link: endLink(
      { confirm, close: async () => {} },
      { span, present, waited: () => made.now, onProven: (askedAt) => proven.push(askedAt) },
    ),
    async answer(fault) {
      const first = open.shift()!;
      if (fault === undefined) first.resolve();
      else first.reject(fault);
      await new Promise((resolve) => setImmediate(resolve));
    },
    asked: () => asked,
    proven,
    now: 0,
  };
  return made;
}

const away = new StoreError("store_unavailable", "Away");

test("a proof counts from the moment before it was asked for, not from its answer", async () => {
  const made = bench(500);
  expect(made.link.isFresh()).toBe(false);
  void made.link.prove();
  made.now = 400;
  await made.answer();
  expect(made.proven).toEqual([0]);
  expect(made.link.isFresh()).toBe(true);
  made.now = 499;
  expect(made.link.isFresh()).toBe(true);
  made.now = 500;
  expect(made.link.isFresh()).toBe(false);
});

test("one that was asked for before the process was stopped proves nothing when it goes on", async () => {
  const made = bench(500);
  void made.link.prove();
  made.now = 30_000;
  await made.answer();
  expect(made.link.isFresh()).toBe(false);
});

test("whoever asks while a question is under way waits for the next one, together with all others", async () => {
  const made = bench(500);
  const first = made.link.prove();
  const done: string[] = [];
  const later = Array.from({ length: 100 }, async (_, index) => {
    await made.link.prove();
    done.push(`${index}`);
  });
  await made.answer();
  await first;
  // The question that was under way began too early for them.
  expect(done).toEqual([]);
  expect(made.asked()).toBe(2);
  await made.answer();
  await Promise.all(later);
  expect(made.asked()).toBe(2);
  expect(done.length).toBe(100);
});

test("one that fails fails those who asked for it, and the next one is asked all the same", async () => {
  const made = bench(500);
  const outcomes = Promise.allSettled([made.link.prove(), made.link.prove()]);
  await made.answer(away);
  await made.answer();
  expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  expect(made.link.isFresh()).toBe(true);
});

test("where nothing can be missing, it is fresh until a proof fails, and again from the next one on", async () => {
  const made = bench(Number.POSITIVE_INFINITY);
  expect(made.link.isFresh()).toBe(true);
  made.link.prove().catch(() => undefined);
  await made.answer(away);
  expect(made.link.isFresh()).toBe(false);
  void made.link.prove();
  await made.answer();
  made.now = 1e9;
  expect(made.link.isFresh()).toBe(true);
});

test("a watch whose proof is thrown, not rejected, is asked again", async () => {
  let isAway = true;
  const confirm = (): Promise<void> => {
    if (isAway) throw away;
    return Promise.resolve();
  };
  const options = { span: 500, present: () => ({ elapsed: 0, at: 0 }), waited: () => 0, onProven: () => {} };
  const link = endLink({ confirm, close: async () => {} }, options);
  await expect(link.prove()).rejects.toBe(away);
  isAway = false;
  await link.prove();
  expect(link.isFresh()).toBe(true);
});
