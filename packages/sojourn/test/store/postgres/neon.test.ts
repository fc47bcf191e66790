/** Neon's driver: SQL over HTTP, a statement in each request, and a pool over WebSockets. */
import { neon, Pool } from "@neondatabase/serverless";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { postgresStore, type PostgresOptions } from "../../../src/store/postgres/index.ts";
import type { Store } from "../../../src/store/store.ts";
import { storeContract } from "../../../src/testing/index.ts";
import { LONGER } from "../../linearizability/races.ts";
import { startNeonEndpoint, type NeonEndpoint } from "../support/neon-endpoint.ts";
import { noPostgres } from "../support/postgres-binary.ts";
import { startPostgres, type PostgresServer } from "../support/postgres-server.ts";

async function open(client: PostgresOptions["client"], namespace: string): Promise<Store<"async">> {
  return postgresStore({ client, namespace, deadline: "10s" });
}

describe.skipIf(noPostgres)("Neon", () => {
  let server: PostgresServer;
  let endpoint: NeonEndpoint;
  let pool: Pool;
  beforeAll(async () => {
    server = await startPostgres();
    endpoint = await startNeonEndpoint(server);
    pool = new Pool({ connectionString: endpoint.url });
    // Over HTTP: a migration is one statement as well. Of several at once, one does it.
    await Promise.all([1, 2, 3].map(async () => postgresStore.migrate(neon(endpoint.url))));
  });
  afterAll(async () => {
    await pool?.end();
    await endpoint?.stop();
    await server?.stop();
  });

  describe.each<[string, () => PostgresOptions["client"]]>([
    ["over HTTP", () => neon(endpoint.url)],
    ["over WebSockets", () => pool],
  ])("the store contract %s", (name, client) => {
    // The pool is one of pg, which runs all of it elsewhere. Sweeps and pages are hundreds of requests with one statement
    // or two, which every client has.
    const cases = storeContract.filter(({ rule }) =>
      name === "over HTTP" ? LONGER > 1 || ![10, 11].includes(rule) : [4, 8, 14, 17].includes(rule),
    );
    for (const { rule, name: what, run } of cases)
      test(`rule ${rule}: ${what}`, async () =>
        expect(await run(async ({ namespace }) => open(client(), `${name} ${namespace}`))).toBeUndefined());
  });

  test("the whole life of a session, whose end is told to whoever watches", async () => {
    const store = await open(neon(endpoint.url), "a life");
    const told: unknown[] = [];
    const watch = store.watchRemovals!((removed) => told.push(removed?.head.owner));
    await watch.confirm();
    // The first watch cannot tell what was before it.
    told.length = 0;
    const sessions = createSessions({ store });
    const { token } = await sessions.create("ann", {});
    expect((await sessions.authenticate(token))?.userId).toBe("ann");
    expect(await sessions.destroyByUser("ann")).toBe(1);
    await watch.confirm();
    expect(told).toEqual(["ann"]);
    await watch.close();
    await store.close();
  });

  test("a fault keeps the deadline, has a code, and no password", async () => {
    const store = await postgresStore({ client: neon(endpoint.url), deadline: "300ms" });
    server.pause();
    const paused = store.get("k", 0);
    await expect(paused).rejects.toMatchObject({ code: "store_timeout" });
    server.resume();
    await expect(postgresStore({ client: neon(endpoint.url), schema: "none" })).rejects.toMatchObject({
      code: "store_schema",
    });
    await server.ask("ALTER SCHEMA sojourn RENAME TO elsewhere");
    await expect(store.get("k", 0)).rejects.toMatchObject({ code: "store_schema" });
    await server.ask("ALTER SCHEMA elsewhere RENAME TO sojourn");

    const gone = await startNeonEndpoint(server);
    await gone.stop();
    const away = postgresStore({ client: neon(gone.url) });
    await expect(away).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(away).rejects.not.toThrow("secret");
    const wrong = neon((() => "postgres:secret@nowhere") as never);
    onTestFinished(async () => store.close());
    const error = await postgresStore({ client: wrong }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(`${String(error)} ${String((error as Error).cause)}`).not.toContain("secret");
  });
});
