import { expect, test } from "vitest";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { Entry } from "../../src/store/store.ts";

const now = Date.UTC(2030, 0, 1);

function entry(key: string, parts: Partial<Entry> = {}): Entry {
  const instants = { createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
  return { key, owner: null, rev: `rev of ${key}`, meta: "", ...instants, value: "", ...parts };
}

test("of ten thousand revocations the first is forgotten, and what began before it is refused from then on", () => {
  const store = memoryStore();
  const begun = store.begin();
  store.revokeOwner("ann");
  const later = store.begin();
  for (let count = 1; count < 10_000; count++) store.revokeOwner(`user ${count}`);
  expect(store.put(entry("a", { owner: "never revoked" }), null, now, begun).outcome).toBe("stored");
  store.revokeOwner("one more");
  for (const owner of ["ann", "somebody else"]) {
    expect(store.put(entry("b", { owner }), null, now, begun)).toEqual({ outcome: "revoked" });
  }
  expect(store.put(entry("c", { owner: "ann" }), null, now, later).outcome).toBe("stored");
  expect(store.put(entry("d", { owner: "user 1" }), null, now, later)).toEqual({ outcome: "revoked" });
  expect(store.put(entry("e", { owner: "user 1" }), null, now).outcome).toBe("stored");
});
