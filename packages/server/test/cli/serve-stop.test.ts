/** SIGTERM and SIGINT, to the real command. */
import { connect } from "node:net";
import { expect, test } from "vitest";
import { busyClient } from "../support/busy-client.ts";
import { httpClient } from "../support/http-client.ts";
import { inFolder, withServer, type ServerProcess } from "../support/server-process.ts";

const BODY = JSON.stringify({ token: "late", user: "u_42" });

interface SlowLogin {
  /** Sends the last byte, and waits for the answer. */
  finish(): Promise<string>;
}

/** A login of which all but the last byte has arrived. */
async function slowLogin({ url }: ServerProcess): Promise<SlowLogin> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", () => undefined);
  const next = async (): Promise<string> =>
    new Promise((resolve) => socket.once("data", (data) => resolve(String(data))));
  socket.write(
    `POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${BODY.length}\r\nExpect: 100-continue\r\n\r\n`,
  );
  // The server has begun to work on the request once it asks for the body.
  await next();
  socket.write(BODY.slice(0, -1));
  return {
    finish: async () => {
      const answer = next();
      socket.write(BODY.slice(-1));
      return answer;
    },
  };
}

async function untilRefused(url: string): Promise<void> {
  for (;;) {
    const refused = await fetch(`${url}/healthz`).then(
      () => false,
      () => true,
    );
    if (refused) return;
  }
}

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s: what runs is finished and kept, then the process ends with 0",
  async (signal) => {
    await inFolder(async (cwd) => {
      await withServer([], { cwd }, async (server) => {
        const login = await slowLogin(server);
        server.child.kill(signal);
        await untilRefused(server.url);
        expect(await login.finish()).toMatch(/^HTTP\/1\.1 201 Created\r\n[^]*"ok"$/);
        expect(await server.ended).toMatchObject({ code: 0, signal: null, stderr: "" });
      });
      await withServer([], { cwd }, async ({ url }) => {
        expect(await httpClient(url).whoami("late")).toBe('200 "u_42"');
      });
    });
  },
);

test("a second signal ends it at once", async () => {
  await inFolder(async (cwd) => {
    await withServer(["--store", "memory:"], { cwd }, async (server) => {
      await slowLogin(server);
      server.child.kill("SIGTERM");
      await untilRefused(server.url);
      server.child.kill("SIGINT");
      expect((await server.ended).code).toBe(130);
    });
  });
});

const BUSY = 300;
const ASKING = "GET /sessions/t1 HTTP/1.1\r\nHost: localhost\r\n\r\n";

test.each([["sqlite:./sojourn.db"], ["memory:"]])(
  `each of ${BUSY} busy connections gets an answer to its last request, on %s`,
  async (store) => {
    await inFolder(async (cwd) => {
      await withServer(["--store", store], { cwd }, async (server) => {
        await httpClient(server.url).login("t1", "u_42");
        const clients = Array.from({ length: BUSY }, () => busyClient(server.url, ASKING));
        await Promise.all(clients.map(async ({ started }) => started));
        server.child.kill("SIGTERM");
        const ends = await Promise.all(clients.map(async ({ ended }) => ended));
        expect(ends.filter(({ told, unanswered, error }) => !told || unanswered || error !== undefined)).toEqual([]);
        expect(await server.ended).toMatchObject({ code: 0, signal: null, stderr: "" });
      });
    });
  },
);
