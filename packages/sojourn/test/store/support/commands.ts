/** Random calls, made of what the model knows at the moment at which they are made. */
import fc from "fast-check";
import type { Entry, Expected, Head, Put, Store } from "../../../src/store/store.ts";
import { headOf } from "../../../src/testing/ask.ts";
import { Model, noteOf, perform, removedBy, type Beginnings, type Operation } from "./model.ts";

/** A run of the model beside the stores under test. */
export class World {
  readonly model: Model;
  now: number;
  /** By how much the clock of each node is off. */
  readonly skew: [number, number] = [0, 0];
  /** What has begun, and through which store. */
  readonly begun: { readonly name: string; readonly via: number }[] = [];
  readonly #beginnings: Beginnings = new Map();
  /** What was stored as a new entry, and what was reported as removed. */
  readonly inserted: string[] = [];
  readonly reported: string[] = [];
  /** The same with its note, as each watch is to tell it. */
  readonly toBeTold: string[] = [];
  #revs = 0;
  /** Every put, to be repeated as a caller does after a timeout. */
  readonly puts: (Operation & { readonly call: "put" })[] = [];

  constructor(now: number, model: Model = new Model()) {
    this.now = now;
    this.model = model;
  }

  /** What the clock of a node shows. */
  nowAt(via: number): number {
    return this.now + (this.skew[via] ?? 0);
  }

  newRev(): string {
    return `rev-${++this.#revs}`;
  }

  /** Makes a call and lets the model judge the answer. */
  async step(store: Store, operation: Operation): Promise<void> {
    const before = operation.call === "put" ? this.model.live(operation.entry.key, operation.now) : undefined;
    const answer = await perform(store, operation, this.#beginnings);
    this.model.judge(operation, answer);
    const removed = removedBy(operation, answer);
    this.reported.push(...removed.map(nameOf));
    this.toBeTold.push(...removed.map((head) => toldOf(head, noteOf(operation, head))));
    if (operation.call !== "put") return;
    this.puts.push(operation);
    if ((answer as Put).outcome !== "stored" || before?.rev === operation.entry.rev) return;
    const isChange = before !== undefined && operation.expected === before.rev;
    if (isChange) this.inserted.splice(this.inserted.indexOf(nameOf(before)), 1);
    this.inserted.push(nameOf(operation.entry));
  }

  /** Empties the store, and checks that every entry went exactly once. */
  async end(store: Store): Promise<void> {
    await this.step(store, { call: "list", prefix: "", limit: 2, now: this.now });
    await this.step(store, { call: "count", now: this.now });
    const end = Math.max(this.now, ...this.model.entries.map(({ expiresAt }) => expiresAt));
    while (this.model.entries.length > 0) await this.step(store, { call: "sweep", now: end, limit: 3 });
    await this.step(store, { call: "sweep", now: end, limit: 3 });
    await this.step(store, { call: "count", now: end });
    const [inserted, reported] = [this.inserted.sort().join(), this.reported.sort().join()];
    if (inserted !== reported) throw new Error(`Stored: ${inserted}\nreported as removed: ${reported}`);
  }
}

function nameOf({ key, rev }: Head): string {
  return `${key}/${rev}`;
}

/** A removal as a text: its head with its last state, and its note. */
export function toldOf(head: Head, note: string): string {
  return JSON.stringify([headOf(head), note]);
}

export type StoreCommand = fc.AsyncCommand<World, readonly Store[]>;

/** How a call is made once the world, and the instant on the caller's clock, are known; `undefined` for no call. */
type Plan = (world: World, now: number) => Operation | undefined;

function command(name: string, via: number, plan: Plan): StoreCommand {
  let shown = name;
  return {
    check: () => true,
    async run(world, stores) {
      const operation = plan(world, world.nowAt(via));
      if (operation === undefined) return;
      shown = JSON.stringify(operation);
      const store = stores[via % stores.length];
      if (store !== undefined) await world.step(store, operation);
    },
    toString: () => shown,
  };
}

const keys = fc.constantFrom("a", "ab", "😀", "__proto__", "é%_");
const owners = fc.constantFrom("ann", "bob", "constructor");
const via = fc.nat({ max: 1 });
const lasting = fc.constantFrom(0, 1_000, 60_000, 60_000, 3_600_000);
const shift = fc.constantFrom(-3_600_000, -1_000, -1, 0, 1, 1_000);
const limits = fc.constantFrom(1, 2, 3, 1_000);
const notes = fc.option(fc.string({ unit: "binary-ascii", maxLength: 64 }).map(printable), { nil: undefined });
const values = fc.oneof(fc.string({ unit: "grapheme", maxLength: 8 }), fc.uint8Array({ maxLength: 8 }));
type Expects = "null" | "any" | "current" | "rev of another" | "never";
const expects = fc.constantFrom<Expects>("null", "any", "current", "current", "rev of another", "never");

function printable(text: string): string {
  return text.replaceAll(/[^ -~]/g, "~");
}

function expectedOf(kind: Expects, key: string, { model }: World): Expected {
  if (kind === "null") return null;
  if (kind === "any" || kind === "never") return kind;
  if (kind === "current") return model.entries.find((entry) => entry.key === key)?.rev ?? null;
  return model.entries.find((entry) => entry.key !== key)?.rev ?? "never";
}

/** An earlier beginning of a node, by its place from the end; `undefined` if there is none. */
function begunOn(via: number, { begun }: World, which: number | null): string | undefined {
  if (which === null) return undefined;
  return begun.filter((each) => each.via === via).at(-1 - which)?.name;
}

const putParts = fc.record({
  via,
  key: keys,
  expects,
  owner: fc.option(owners),
  created: shift,
  touched: shift,
  lasts: lasting,
  value: values,
  begun: fc.option(fc.nat({ max: 2 })),
});

const put = putParts.map(({ via, key, expects, owner, created, touched, lasts, value, begun }) =>
  command(`put ${key}`, via, (world, now) => {
    const instants = { createdAt: now + created, touchedAt: now + touched, expiresAt: now + lasts };
    const entry: Entry = { key, owner, rev: world.newRev(), meta: `m${created}`, ...instants, value };
    const expected = expectedOf(expects, key, world);
    return { call: "put", entry, expected, now, begun: begunOn(via, world, begun) };
  }),
);

const repeat = fc.tuple(via, fc.nat({ max: 30 })).map(([via, which]) =>
  command("repeat a put", via, (world, now) => {
    const { puts, model } = world;
    const put = puts.at(-1 - (which % Math.max(puts.length, 1)));
    // What a store gave at the beginning is for that store.
    if (put === undefined || world.begun.some(({ name, via: by }) => name === put.begun && by !== via))
      return undefined;
    const isThere = model.live(put.entry.key, now)?.rev === put.entry.rev;
    // An insert repeated when its entry has gone would be a new entry under an old rev, which no writer makes.
    const isChange = put.expected !== null && put.expected !== "any";
    return isThere || isChange ? { ...put, now } : undefined;
  }),
);

const begin = via.map((via) =>
  command("begin", via, ({ begun }) => {
    const name = `begun ${begun.length}`;
    begun.push({ name, via });
    return { call: "begin", name };
  }),
);

const touch = fc.record({ via, key: keys, right: fc.boolean(), touched: shift, lasts: lasting }).map((parts) =>
  command(`touch ${parts.key}`, parts.via, ({ model }, now) => {
    const rev = parts.right ? model.entries.find(({ key }) => key === parts.key)?.rev : model.entries[0]?.rev;
    const to = { touchedAt: now + parts.touched, expiresAt: now + parts.lasts };
    return { call: "touch", key: parts.key, rev: rev ?? "never", to, now };
  }),
);

const revoke = fc
  .record({ via, owner: owners, except: fc.option(keys, { nil: undefined }), note: notes })
  .map(({ via, owner, except, note }) =>
    command(`revoke ${owner}`, via, () => ({ call: "revokeOwner", owner, except, note })),
  );

const list = fc
  .record({ via, prefix: fc.constantFrom("", "a", "ab", "😀", "é%", "%", "_"), limit: limits })
  .map(({ via, prefix, limit }) => command("list", via, (_, now) => ({ call: "list", prefix, limit, now })));

const listByOwner = fc
  .record({ via, owner: owners, limit: limits })
  .map(({ via, owner, limit }) =>
    command(`list ${owner}`, via, (_, now) => ({ call: "listByOwner", owner, limit, now })),
  );

const move = fc.oneof(fc.integer({ min: -70_000, max: 70_000 }), fc.constantFrom(-7_200_000, 7_200_000)).map((by) =>
  command(`move the clock by ${by}`, 0, (world) => {
    world.now += by;
    return undefined;
  }),
);

const skew = fc.record({ via, by: fc.constantFrom(-86_400_000, -900, 0, 900, 3_600_000) }).map(({ via, by }) =>
  command(`set the clock of node ${via} off by ${by}`, via, (world) => {
    world.skew[via] = by;
    return undefined;
  }),
);

const moveToEnd = fc.record({ which: fc.nat({ max: 5 }), by: fc.constantFrom(-1, 0, 1) }).map(({ which, by }) =>
  command(`move the clock to an end and ${by}`, 0, (world) => {
    world.now = (world.model.entries[which]?.expiresAt ?? world.now) + by;
    return undefined;
  }),
);

const get = fc
  .tuple(via, keys)
  .map(([via, key]) => command(`get ${key}`, via, (_, now) => ({ call: "get", key, now })));

/** Runs of up to 60 calls. */
export function commands(): fc.Arbitrary<Iterable<StoreCommand>> {
  const simple = [
    fc
      .tuple(via, keys, notes)
      .map(([via, key, note]) => command(`delete ${key}`, via, () => ({ call: "delete", key, note }))),
    via.map((via) => command("count", via, (_, now) => ({ call: "count", now }))),
    fc.tuple(via, limits).map(([via, limit]) => command("sweep", via, (_, now) => ({ call: "sweep", now, limit }))),
  ];
  // What is to come more often is there more often.
  const puts = [put, put, put, put, repeat, begin, begin, revoke, revoke];
  const times = [move, moveToEnd, skew];
  const all = [puts, times, touch, touch, get, get, get, list, listByOwner, simple].flat();
  return fc.commands<World, readonly Store[], false>(all, { maxCommands: 60, size: "max" });
}
