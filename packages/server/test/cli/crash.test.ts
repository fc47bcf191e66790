/**
 * `kill -9`, again and again, while 32 connections log in and out. Whatever was acknowledged holds in the next life
 * of the server, and in every later one. `SOJOURN_KILLS` says how often, by default 50 times.
 */
import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { openConnection, overConnections } from "../support/connections.ts";
import { ledger, type Ledger } from "../support/ledger.ts";
import { inFolder, startServer, type ServerProcess } from "../support/server-process.ts";

const KILLS = Number(process.env["SOJOURN_KILLS"] ?? 50);
const CONNECTIONS = 32;

const userOf = (token: string): string => `user of ${token}`;

/** One client: logs in and out until its connection breaks. */
async function traffic(url: string, account: Ledger, name: string, onAnswer: () => void): Promise<void> {
  const connection = openConnection(url);
  try {
    for (let step = 0; ; step++) {
      const live = step % 5 < 2 ? account.anyLive(name) : undefined;
      const token = live ?? name + randomUUID();
      account.begin(token);
      const answer =
        live === undefined
          ? await connection.send("POST", "/sessions", { token, user: userOf(token) })
          : await connection.send("POST", `/sessions/${token}/logout`);
      // Anything else than these two stays an unknown fate, and fails the test below.
      if (answer !== (live === undefined ? '201 "ok"' : "204 ")) throw new Error(answer);
      account.acknowledge(token, live === undefined ? "live" : "gone");
      onAnswer();
    }
  } finally {
    connection.close();
  }
}

/** Compares what a server says with what it has acknowledged. */
async function check(server: ServerProcess, account: Ledger, tokens: readonly string[]): Promise<readonly string[]> {
  const faults: string[] = [];
  await overConnections(server.url, CONNECTIONS, tokens, async (connection, token) => {
    const fault = account.compare(token, await connection.send("GET", `/sessions/${token}`));
    if (fault !== undefined) faults.push(fault);
  });
  const connection = openConnection(server.url);
  const count = await connection.send("GET", "/sessions");
  connection.close();
  if (count !== `200 ${account.live()}`) faults.push(`the count should be ${account.live()}: ${count}`);
  return faults;
}

/** Lets the connections work until the server is killed, after so many answers. */
async function workUntilKilled(server: ServerProcess, account: Ledger, answers: number): Promise<void> {
  let left = answers;
  const onAnswer = (): void => {
    if (--left === 0) server.child.kill("SIGKILL");
  };
  const clients = Array.from({ length: CONNECTIONS }, async (_, index) =>
    traffic(server.url, account, `c${index}-`, onAnswer),
  );
  if (answers === 0) server.child.kill("SIGKILL");
  const errors = await Promise.all(clients.map(async (client) => client.catch((error: Error) => error)));
  expect(errors.filter((error) => error instanceof Error && "code" in error)).toHaveLength(CONNECTIONS);
  expect((await server.ended).signal).toBe("SIGKILL");
}

test(`what was acknowledged survives ${KILLS} kills`, { timeout: 60_000 + KILLS * 3_000 }, async () => {
  await inFolder(async (cwd) => {
    const account = ledger(userOf);
    for (let kill = 0; kill < KILLS; kill++) {
      const server = await startServer([], { cwd });
      expect(await check(server, account, account.takeTouched())).toEqual([]);
      // From none at all to some hundreds, so that the kills hit different moments.
      await workUntilKilled(server, account, (kill * 37) % 250);
    }
    const server = await startServer([], { cwd });
    expect(await check(server, account, account.all())).toEqual([]);
    expect(account.acknowledged).toBeGreaterThan(KILLS * 20);
    expect(account.unanswered).toBeGreaterThan(KILLS);
    expect((await server.stop()).code).toBe(0);
  });
});
