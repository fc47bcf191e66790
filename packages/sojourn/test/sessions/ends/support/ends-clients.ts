/** The other side of the sockets: one process that has all of them, and notes when and how each is closed. */
import { WebSocket } from "ws";
import type { Felt } from "./ends-process.ts";

/** A socket to open. */
export interface Visit {
  readonly id: string;
  readonly credential: string;
}

const felt: Felt[][] = [];
const open: number[] = [];

async function connect(server: number, port: number, { id, credential }: Visit): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { authorization: `Bearer ${credential}` } });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  open[server] = (open[server] ?? 0) + 1;
  socket.on("error", () => {});
  socket.once("close", (code, reason) => {
    open[server]!--;
    const told = code === 4401 ? reason.toString() : code === 4503 ? "lost" : `code ${code}`;
    felt[server]!.push({ id, reason: told, at: process.hrtime.bigint(), date: Date.now() });
  });
}

const calls = {
  /** Opens a socket to each server for each visit. */
  async connect(ports: readonly number[], visits: readonly Visit[]): Promise<void> {
    for (const [server, port] of ports.entries()) {
      felt[server] ??= [];
      for (let from = 0; from < visits.length; from += 50) {
        await Promise.all(visits.slice(from, from + 50).map(async (visit) => connect(server, port, visit)));
      }
    }
  },
  felt: async (): Promise<readonly (readonly Felt[])[]> => felt.map((each) => each.splice(0)),
  open: async (): Promise<number> => open.reduce((sum, each) => sum + each, 0),
  async stop(): Promise<void> {
    setImmediate(() => process.disconnect());
  },
};

export type ClientCalls = typeof calls;

process.on("disconnect", () => process.exit());
process.on("message", (request: Request) => void answer(request));

interface Request {
  readonly number: number;
  readonly call: keyof ClientCalls;
  readonly given: readonly never[];
}

async function answer({ number, call, given }: Request): Promise<void> {
  try {
    const value: unknown = await (calls[call] as (...given: never[]) => unknown)(...given);
    process.send?.({ number, value });
  } catch (error) {
    process.send?.({ number, error: String((error as Error).stack) });
  }
}
