import type { Entry } from "../../../src/store/store.ts";

let revs = 0;

/** An entry that begins now and lasts a minute, with a rev of its own. */
export function freshEntry(key: string, parts: Partial<Entry> = {}): Entry {
  const now = Date.now();
  const instants = { createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
  return { key, owner: null, rev: `rev-${++revs}`, meta: "", value: "v", ...instants, ...parts };
}
