/** The Worker in which the contract, the model and the races are run: the store as an application has it. */
import fc from "fast-check";
import { durableObjectStore, SessionShard, type ShardNamespace } from "../../../src/cloudflare/index.ts";
import type { Store } from "../../../src/store/store.ts";
import { keyValueContract, storeContract } from "../../../src/testing/index.ts";
import { callers, entry, now, type Caller } from "../../store/support/callers.ts";
import { commands, World } from "../../store/support/commands.ts";
import { history, type History } from "../../store/support/history.ts";
import { isLinearizable } from "../../store/support/linearizable.ts";
import { Model } from "../../store/support/model.ts";

export { SessionShard };

interface Env {
  readonly SHARDS: ShardNamespace;
}

const DAY = 86_400_000;

type Play = (env: Env, parameters: URLSearchParams) => Promise<void>;

const plays: Readonly<Record<string, Play>> = {
  async contract(env, parameters) {
    const { run } = storeContract[numberOf(parameters, "case")]!;
    await run(({ namespace }) => durableObjectStore(env.SHARDS, { namespace, shards: numberOf(parameters, "shards") }));
  },

  async keyvalue(env, parameters) {
    const { run } = keyValueContract[numberOf(parameters, "case")]!;
    await run(({ namespace }) => {
      const store = durableObjectStore(env.SHARDS, { namespace, shards: numberOf(parameters, "shards") });
      const { mode, guarantees, get, put, delete: remove, list, close } = store;
      return { mode, guarantees, get, put, delete: remove, list, close };
    });
  },

  async model(env, parameters) {
    let opened = 0;
    const property = fc.asyncProperty(commands(), async (calls) => {
      const options = {
        namespace: `model-${parameters.get("name")}-${++opened}`,
        shards: numberOf(parameters, "shards"),
      };
      const real = [durableObjectStore(env.SHARDS, options), durableObjectStore(env.SHARDS, options)];
      // Far enough ahead that no step of a clock brings native expiry near.
      const world = new World(Date.now() + 10 * DAY, new Model(real[0]!.guarantees));
      await fc.asyncModelRun(() => ({ model: world, real }), calls);
      await world.end(real[0]!);
    });
    await fc.assert(property, { numRuns: numberOf(parameters, "runs") });
  },

  async races(env, parameters) {
    const shards = numberOf(parameters, "shards");
    let opened = 0;
    // Over several shards, a call about an owner or about all entries is a step in each of them.
    const some = shards === 1 ? callers : callers.map((all) => all.filter(({ name }) => !/revoke|sweep/.test(name)));
    const property = fc.asyncProperty(fc.scheduler(), some, async (scheduler, all) => {
      const namespace = `races-${parameters.get("name")}-${++opened}`;
      const works = [seeded, ...all.map(({ work }) => work)];
      const store = paused(durableObjectStore(env.SHARDS, { namespace, shards }), async (point) =>
        scheduler.schedule(Promise.resolve(), point),
      );
      const seen = history(store);
      await scheduler.waitFor(Promise.all(works.map(async (work, id) => work(seen, id))));
      return isLinearizable(seen.calls, store.guarantees);
    });
    await fc.assert(property, { numRuns: numberOf(parameters, "runs") });
  },
};

/** Puts an entry under each key. */
const seeded: Caller["work"] = async (seen: History) => {
  for (const key of ["a", "b"]) {
    await seen.make({ call: "put", entry: entry(key, `s-${key}`), expected: null, now });
  }
};

/** The store, with a pause before each call is sent and before its answer is looked at. */
function paused(store: Store<"async">, pause: (point: string) => Promise<unknown>): Store {
  return new Proxy<Store<"async">>(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function" || name === "begin") return value;
      return async (...given: readonly unknown[]): Promise<unknown> => {
        await pause(`${String(name)} sent`);
        const answer: unknown = await Reflect.apply(value, target, given);
        await pause(`${String(name)} answered`);
        return answer;
      };
    },
  });
}

function numberOf(parameters: URLSearchParams, name: string): number {
  return Number(parameters.get(name));
}

// oxlint-disable-next-line import/no-default-export -- where workerd looks for the handlers
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    try {
      await plays[pathname.slice(1)]!(env, searchParams);
      return new Response("holds");
    } catch (error) {
      return new Response(error instanceof Error ? (error.stack ?? error.message) : String(error), { status: 500 });
    }
  },
};
