/** What `run.ts` measures, from inside a Worker: each request makes so many calls, one after the other. */
import { DurableObject } from "cloudflare:workers";
import { createSessions } from "sojourn";
import { durableObjectStore, type ShardNamespace } from "sojourn/cloudflare";

export { SessionShard } from "sojourn/cloudflare";

const USERS = 100;

/** A Durable Object that answers with what it is given, from memory. */
export class BareObject extends (DurableObject as new (ctx: object, env: object) => object) {
  readonly #entries = new Map<string, object>();

  keep(key: string, entry: object): void {
    this.#entries.set(key, entry);
  }

  /** A call of the shape of a store's `get`. */
  read(_shards: number, _call: string, given: readonly [key: string, now: number]): object {
    return { value: this.#entries.get(given[0]) };
  }
}

interface BareStub {
  keep(key: string, entry: object): Promise<void>;
  read(shards: number, call: string, given: readonly unknown[]): Promise<{ readonly value?: unknown }>;
}

interface Env {
  readonly SHARDS: ShardNamespace;
  readonly BARE: ShardNamespace;
  readonly LOADER: {
    get(name: string, code: () => Promise<object>): { getEntrypoint(): { fetch(request: Request): Promise<Response> } };
  };
}

let tokens: readonly string[] = [];
let keys: readonly string[] = [];

type Load = (env: Env, calls: number, inFlight: number) => Promise<unknown>;

/** As an application has it: made once in an isolate. */
function make({ SHARDS }: Env) {
  const store = durableObjectStore(SHARDS, { shards: 1 });
  return { store, sessions: createSessions({ store }) };
}
let manager: ReturnType<typeof make> | undefined;
const managerOf = (env: Env): ReturnType<typeof make> => (manager ??= make(env));

const loads: Readonly<Record<string, Load>> = {
  async prepare(env) {
    const { store, sessions } = managerOf(env);
    const made = [];
    for (let user = 0; user < USERS; user++) {
      made.push(await sessions.create(`user-${user}`, { role: "admin", cart: ["book", "pen"], theme: "dark" }));
    }
    const bare = env.BARE.get(env.BARE.idFromName("bare")) as BareStub;
    for (const { id } of made) await bare.keep(id, (await store.get(id, Date.now()))!);
    tokens = made.map(({ token }) => token);
    keys = made.map(({ id }) => id);
  },

  async authenticate(env, calls, inFlight) {
    const { sessions } = managerOf(env);
    await each(calls, inFlight, async (call) => {
      const session = await sessions.authenticate(tokens[call % USERS]);
      if (session?.userId !== `user-${call % USERS}`) throw new Error("not the session");
    });
  },

  async bare(env, calls, inFlight) {
    const id = env.BARE.idFromName("bare");
    await each(calls, inFlight, async (call) => {
      const stub = env.BARE.get(id) as BareStub;
      const { value } = await stub.read(1, "get", [keys[call % USERS]!, Date.now()]);
      if (value === undefined) throw new Error("not the entry");
    });
  },
};

async function each(calls: number, inFlight: number, make: (call: number) => Promise<void>): Promise<void> {
  for (let call = 0; call < calls; call += inFlight) {
    if (inFlight === 1) await make(call);
    else await Promise.all(Array.from({ length: inFlight }, async (_, ahead) => make(call + ahead)));
  }
}

/** The first answer of a Worker that was never loaded before. */
async function coldStart({ LOADER }: Env, request: Request): Promise<Response> {
  const code = await request.text();
  const worker = LOADER.get(crypto.randomUUID(), async () => ({
    compatibilityDate: "2026-11-01",
    compatibilityFlags: ["nodejs_compat"],
    mainModule: "worker.js",
    modules: { "worker.js": code },
  }));
  return worker.getEntrypoint().fetch(new Request("http://localhost/"));
}

// oxlint-disable-next-line import/no-default-export -- where a Worker has its handlers
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/cold") return coldStart(env, request);
    await loads[pathname.slice(1)]!(env, Number(searchParams.get("calls")), Number(searchParams.get("inFlight")));
    return new Response("done");
  },
};
