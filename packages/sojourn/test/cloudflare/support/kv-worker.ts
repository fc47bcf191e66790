/** The Worker in which the suites run over Cloudflare KV: each has a binding as an application has it. */
import type { KVNamespace } from "@cloudflare/workers-types";
import { backend, sessionRoutes } from "../../../../../examples/storage-app.ts";
import { cloudflareKv } from "../../../src/cloudflare/cloudflare-kv.ts";
import { storage } from "../../../src/kv/index.ts";
import { keyValueContract } from "../../../src/testing/index.ts";
import { storageSuite } from "../../kv/support/storage-suite.ts";
import { kvCases } from "./kv-cases.ts";

interface Env {
  readonly FIRST: KVNamespace;
  readonly SECOND: KVNamespace;
}

type Play = (env: Env, index: number) => Promise<void>;

const plays: Readonly<Record<string, Play>> = {
  async contract(env, index) {
    await Promise.all([env.FIRST, env.SECOND].map(clear));
    // A KV namespace is one namespace: a case that opens another one gets the other binding.
    await keyValueContract[index]!.run(({ namespace }) =>
      cloudflareKv(namespace.endsWith("-a") ? env.FIRST : env.SECOND),
    );
  },
  async storage(env, index) {
    await storageSuite[index]!.run(cloudflareKv(env.FIRST));
  },
  async kv(env, index) {
    await clear(env.SECOND);
    await kvCases[index]!.run(env.SECOND);
  },
};

async function clear(binding: KVNamespace): Promise<void> {
  const { keys } = await binding.list();
  await Promise.all(keys.map(async ({ name }) => binding.delete(name)));
}

// oxlint-disable-next-line import/no-default-export -- a Worker is the default export of its module
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname.startsWith("/api/")) {
      const app = backend();
      const store = cloudflareKv(env.FIRST);
      sessionRoutes(app, storage.kv({ name: "user-sessions", namespace: "auth", ttlSeconds: 86_400, store }));
      return app.fetch(request);
    }
    try {
      await plays[pathname.slice(1)]!(env, Number(searchParams.get("case")));
      return new Response("holds");
    } catch (error) {
      return new Response(error instanceof Error ? (error.stack ?? error.message) : String(error), { status: 500 });
    }
  },
};
