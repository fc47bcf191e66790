import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StoreError } from "../../src/errors.ts";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import { decodeRecord, encodeRecord, keptDevice, type SessionRecord } from "../../src/sessions/record.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { MAX_META_BYTES, type Entry } from "../../src/store/store.ts";
import { LONGEST } from "../../src/time/duration.ts";
import { manualClock } from "../../src/time/manual-clock.ts";

const LARGEST = Number.MAX_SAFE_INTEGER;
const digest = "h".repeat(43);
const text = "k".repeat(22);

const fullest = (userAgent: string): SessionRecord => ({
  hash: digest,
  key: text,
  absoluteExpiresAt: LARGEST,
  ttl: LONGEST,
  absoluteTtl: LONGEST,
  version: LARGEST,
  reauthenticatedUntil: LARGEST,
  previous: Array.from({ length: 4 }, () => ({ hash: digest, salt: text, graceUntil: LARGEST, works: true })),
  device: keptDevice({ ip: userAgent, userAgent }),
});

test.each(["x", "\u{1f600}", '"', "\\", "é", "\u2028"])("the fullest record fits its bound: %j", (character) => {
  const record = fullest(character.repeat(2_000));
  const meta = encodeRecord(record);
  expect(Buffer.byteLength(meta)).toBeLessThanOrEqual(MAX_META_BYTES);
  expect(decodeRecord({ key: "k", meta })).toEqual(record);
});

/** What escapes from any call on a session that was changed in the store, other than corruption. */
async function escapes(change: Partial<Entry>): Promise<unknown[]> {
  const escaped: unknown[] = [];
  const clock = manualClock();
  const store = memoryStore();
  const sessions = createSessions({ store, clock });
  const { token, id } = sessions.create("ann", { a: 1 });
  const entry = store.get(id, clock.now());
  if (entry === undefined) throw new Error("expected the session");
  const { memo: _, ...rest } = entry;
  store.put({ ...rest, ...change, rev: "tampered" }, entry.rev, clock.now());
  clock.advance("20m");
  const calls: readonly (() => unknown)[] = [
    () => sessions.authenticate(token),
    () => sessions.get(id),
    () => sessions.refresh(id),
    () => sessions.update(id, { a: 2 }),
    () => sessions.rotate(token),
    () => sessions.reauthenticate(id),
    () => sessions.listByUser("ann"),
    () => sessions.list(),
    () => sessions.explain(token),
    () => sessions.destroy(id),
  ];
  for (const call of calls) {
    try {
      await call();
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== "store_corrupt") escaped.push(error);
    }
  }
  return escaped;
}

describe("what others have written into the store is corruption, in every call, and nothing else", () => {
  const good = JSON.parse(encodeRecord(fullest("agent"))) as Record<string, unknown>;
  const wrong = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom(null, "x", -1, 1.5, 1e300, [[null, null, null]], [[]], [[digest, text]], [null], {}, [], true, ""),
  );

  test("one field of the meta, changed to anything", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.keys(good)), wrong, async (field, value) => {
        const meta = JSON.stringify({ ...good, [field]: value });
        fc.pre(Buffer.byteLength(meta) <= MAX_META_BYTES);
        expect(await escapes({ meta })).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("any meta at all", async () => {
    const meta = fc.oneof(fc.json(), fc.string(), fc.constantFrom("null", "[]", '"x"', "{", "[".repeat(500)));
    await fc.assert(
      fc.asyncProperty(meta, async (value) => {
        fc.pre(Buffer.byteLength(value) <= MAX_META_BYTES);
        expect(await escapes({ meta: value })).toEqual([]);
      }),
    );
  });

  test.each([
    ["p", [[null, null, null]]],
    ["p", [[digest, text, "soon"]]],
    ["p", [[digest, "short", 1]]],
    ["p", { length: 1 }],
    ["r", "x"],
    ["k", "short"],
    ["k", 1],
    ["h", "short"],
    ["h", `${"h".repeat(42)}!`],
    ["a", 1e300],
    ["t", -1],
    ["t", 0],
    ["b", LARGEST],
    ["v", 1.5],
    ["d", "x"],
    ["d", { i: 1 }],
    ["d", null],
  ])("%s: %j is refused", (field, value) => {
    const meta = JSON.stringify({ ...good, [field]: value });
    expect(() => decodeRecord({ key: "k", meta })).toThrow(StoreError);
  });

  test.each([
    ["50,000 levels of arrays", "[".repeat(50_000) + "]".repeat(50_000)],
    ["50,000 levels of objects", '{"a":'.repeat(50_000) + "1" + "}".repeat(50_000)],
    ["257 levels", "[".repeat(257) + "]".repeat(257)],
    ["no JSON", "{"],
    ["bytes", new Uint8Array([123, 125])],
  ])("data: %s", async (_, value) => {
    expect(await escapes({ value })).toEqual([]);
    const clock = manualClock();
    const store = memoryStore();
    const sessions = createSessions({ store, clock });
    const { token, id } = sessions.create("ann");
    const entry = store.get(id, clock.now()) as Entry;
    store.put({ ...entry, value, rev: "tampered" }, entry.rev, clock.now());
    for (const call of [() => sessions.authenticate(token), () => sessions.update(id, { a: 1 })]) {
      expect(call).toThrow(expect.objectContaining({ code: "store_corrupt" }));
    }
  });
});
