/** Calls that go by the indexes, on every shard at once. Where an index is gone, they wait until it is there again. */
import type { Head } from "../store.ts";
import type { Calls } from "./calls.ts";
import type { IndexKeeper } from "./index-keeper.ts";
import { allGuards, type MasterGuard } from "./master-guard.ts";
import { headsOf, revokedOf } from "./replies.ts";
import type { RunScript, Script } from "./script-runner.ts";

/** How many entries a revocation looks at in one step: milliseconds of the server's time. */
const REVOKED_AT_ONCE = 1_000;

type ReadName = "count" | "due" | "list" | "walk";

export interface IndexCallsOptions {
  readonly calls: Calls;
  /** How to run what changes nothing, changes, and changes that must neither be late nor happen twice. */
  readonly read: RunScript;
  readonly write: RunScript;
  readonly timely: RunScript;
  readonly keeper: IndexKeeper;
  readonly scripts: Readonly<Record<ReadName | "revoke" | "sweep", Script>>;
  readonly markers: readonly string[];
  readonly stamp: string;
  /** By shard. */
  readonly guards: readonly MasterGuard[];
}

/** What a revocation is of: the owner and the key that is spared as they are stored, and what is told along. */
interface Revocation {
  readonly owner: string;
  readonly except: string;
  readonly note: string;
}

export interface IndexCalls {
  /** Runs a script that changes nothing on every shard, all sent at once. */
  read<T>(name: ReadName, args: readonly string[], decode: (reply: unknown) => T): Promise<readonly T[]>;
  /** What was removed on each shard, and the number of the revocation there. */
  revoke(revocation: Revocation): Promise<readonly { readonly number: number; readonly heads: readonly Head[] }[]>;
  /** The earliest of all that have expired. */
  sweep(now: number, limit: number): Promise<readonly Head[]>;
}

export function indexCalls({ calls, keeper, scripts, markers, stamp, guards, ...run }: IndexCallsOptions): IndexCalls {
  const everyGuard = allGuards(guards);
  const readWhole = keeper.whole(run.read);
  const writeWhole = keeper.whole(run.write);
  const timelyWhole = keeper.whole(run.timely);

  function onEach<T>(send: (marker: string) => Promise<unknown>, decode: (reply: unknown) => T) {
    return calls.run(
      () => Promise.all(markers.map(send)),
      (replies) => (replies as readonly unknown[]).map(decode),
      everyGuard,
    );
  }

  async function read<T>(
    name: ReadName,
    args: readonly string[],
    decode: (reply: unknown) => T,
  ): Promise<readonly T[]> {
    return onEach((marker) => readWhole(scripts[name], marker, args), decode);
  }

  /** In slices, so that no step is long; the first one numbers the revocation, which holds from then on. */
  async function revokeOn(shard: number, { owner, except, note }: Revocation) {
    const heads: Head[] = [];
    let number = 0;
    let after = "";
    do {
      const args = [owner, except, after, stamp, `${REVOKED_AT_ONCE}`, note];
      const slice = await calls.run(() => timelyWhole(scripts.revoke, markers[shard]!, args), revokedOf, guards[shard]);
      if (after === "") number = slice.number;
      after = slice.next;
      heads.push(...slice.heads);
    } while (after !== "");
    return { number, heads };
  }

  /** How many entries each shard must give, so that together they are the earliest of all. */
  async function sharesOfSweep(now: number, limit: number): Promise<readonly number[]> {
    if (markers.length === 1) return [limit];
    const due = await read("due", [`${now}`, `${limit}`, stamp], (reply) => (reply as readonly string[]).map(Number));
    const earliest = due.flatMap((ends, shard) => ends.map((end) => ({ shard, end }))).sort((a, b) => a.end - b.end);
    const counts = markers.map(() => 0);
    for (const { shard } of earliest.slice(0, limit)) counts[shard]!++;
    return counts;
  }

  return {
    read,
    revoke: async (revocation) => Promise.all(markers.map(async (_, shard) => revokeOn(shard, revocation))),
    async sweep(now, limit) {
      const shares = await sharesOfSweep(now, limit);
      const heads = await onEach((marker) => {
        const share = shares[markers.indexOf(marker)]!;
        return share === 0 ? Promise.resolve([]) : writeWhole(scripts.sweep, marker, [`${now}`, `${share}`, stamp]);
      }, headsOf);
      return heads.flat().sort((a, b) => a.expiresAt - b.expiresAt);
    },
  };
}
