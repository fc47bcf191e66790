/** Workers over shards that can be watched, and that fail on demand. */
import {
  durableObjectStore,
  SessionShard,
  type DurableObjectStoreOptions,
  type EndedSession,
  type ShardNamespace,
} from "../../../src/cloudflare/index.ts";
import { SojournError } from "../../../src/errors.ts";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import type { Sessions } from "../../../src/sessions/sessions.ts";
import type { Store } from "../../../src/store/store.ts";

/**
 * How far behind the Worker's clock is, so that a session which has expired by the object's own clock is reclaimed by
 * its alarm, and not by the next put of a slow machine.
 */
const BEHIND = 3_600_000;

interface Env {
  readonly SHARDS: ShardNamespace;
}

/** A shard that reclaims at once, and writes down what it is told, so that a restart does not lose it. */
export class WatchedShard extends SessionShard {
  readonly #waiting = new Set<() => void>();
  #failures = 0;

  protected override async onEnded(ended: readonly EndedSession[]): Promise<void> {
    this.#sql("INSERT INTO told (report) VALUES (?)", JSON.stringify(ended));
    for (const wake of this.#waiting) wake();
    if (this.#failures-- > 0) throw new Error("the report failed, as it was told to");
  }

  protected override reclaimDelay(): number {
    return 0;
  }

  /** The next reports fail. */
  failReports(times: number): void {
    this.#failures = times;
  }

  /** What was reported, once it is so many sessions. */
  async told(sessions: number): Promise<readonly (readonly EndedSession[])[]> {
    for (;;) {
      const reports = this.#sql("SELECT report FROM told").map(
        ({ report }) => JSON.parse(report as string) as EndedSession[],
      );
      if (reports.flat().length >= sessions) return reports;
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
      });
    }
  }

  rows(): number {
    return Number(this.#sql("SELECT count(*) AS rows FROM sojourn_entry")[0]!["rows"]);
  }

  #sql(query: string, ...values: readonly string[]) {
    this.ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS told (report TEXT NOT NULL)");
    return this.ctx.storage.sql.exec(query, ...values).toArray();
  }

  /** What the runtime does when it moves an object, or when the object's code fails. */
  crash(): void {
    (this.ctx as unknown as { abort(reason: string): void }).abort("crashed, as it was told to");
  }
}

/** A shard whose reports do nothing, as the library exports it. */
export { SessionShard };

/** A shard that never answers. */
export class DeafShard extends SessionShard {
  override async ask(): Promise<never> {
    return new Promise<never>(() => {});
  }
}

type Act = (
  sessions: Sessions<Record<string, unknown>, "async">,
  given: URLSearchParams,
  store: Store<"async">,
) => Promise<unknown>;

const acts: Readonly<Record<string, Act>> = {
  create: async (sessions, given) => {
    const created: string[] = [];
    for (let user = 0; user < Number(given.get("count") ?? 1); user++) {
      const ttl = BEHIND + Number(given.get("ttl") ?? 3_600_000);
      created.push((await sessions.create(`user-${user}`, { at: user }, { ttl })).token);
    }
    return created;
  },
  authenticate: async (sessions, given) => (await sessions.authenticate(given.get("token")!))?.userId ?? "unknown",
  destroy: async (sessions, given) => {
    const session = await sessions.authenticate(given.get("token")!);
    return session !== undefined && (await sessions.destroy(session.id));
  },
  destroyByUser: async (sessions, given) => sessions.destroyByUser(given.get("user")!),
  extend: async (sessions, given, store) => {
    const session = await sessions.authenticate(given.get("token")!, { extend: false });
    const { key, rev } = (await store.get(session!.id, Date.now() - BEHIND))!;
    const to = { touchedAt: Date.now(), expiresAt: Date.now() + 3_600_000 };
    return store.touch(key, rev, to, Date.now() - BEHIND);
  },
  badCursor: async (_, given, store) => store.listByOwner("ann", { after: given.get("after")!, limit: 1 }, Date.now()),
  count: async (sessions) => sessions.count(),
  guarantees: async (sessions) => sessions.guarantees,
};

interface WatchedStub {
  told(sessions: number): Promise<readonly (readonly EndedSession[])[]>;
  failReports(times: number): Promise<void>;
  crash(): Promise<void>;
  rows(): Promise<number>;
}

/** Asks a shard itself, by its number. */
async function askShard({ SHARDS }: Env, options: DurableObjectStoreOptions, given: URLSearchParams): Promise<unknown> {
  const name = `${options.namespace}/${given.get("shard") ?? 0}`;
  const stub = SHARDS.get(SHARDS.idFromName(name)) as WatchedStub;
  const count = Number(given.get("count"));
  switch (String(given.get("ask"))) {
    case "told":
      return stub.told(count);
    case "failReports":
      return stub.failReports(count);
    case "rows":
      return stub.rows();
    default:
      return stub.crash().catch((error: unknown) => String(error));
  }
}

async function reply(env: Env, { pathname, searchParams: given }: URL): Promise<unknown> {
  const options: DurableObjectStoreOptions = {
    namespace: given.get("namespace") ?? "default",
    shards: Number(given.get("shards") ?? 1),
    deadline: Number(given.get("deadline") ?? 5_000),
  };
  if (pathname === "/shard") return askShard(env, options, given);
  const store = durableObjectStore(env.SHARDS, options);
  const sessions = createSessions({ store, clock: { now: () => Date.now() - BEHIND } });
  return acts[pathname.slice(1)]!(sessions, given, store);
}

// oxlint-disable-next-line import/no-default-export -- where workerd looks for the handlers
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    try {
      return Response.json({ reply: await reply(env, new URL(request.url)) });
    } catch (error) {
      const code = error instanceof SojournError ? error.code : undefined;
      const { name, message } = error as Error;
      return Response.json({ code, name, error: message });
    }
  },
};
