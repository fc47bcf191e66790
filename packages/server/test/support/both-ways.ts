/** One service on two sockets: as a Hono app alone, and with its fast routes before that. What one says, the other has to. */
import type { Log } from "../../src/http/log.ts";
import type { Limits } from "../../src/node/listen.ts";
import { serveApp } from "./listening.ts";
import { sendRaw, type RawOptions } from "./raw-socket.ts";
import { testApp, type TestApp, type TestAppOptions } from "./test-app.ts";

/** All that can be seen of a request: what the client gets, what is logged, and what the store is asked. */
export interface Seen {
  /** All bytes of the answer, or answers, without the seconds of the date. */
  readonly text: string;
  /** Each line, without the milliseconds. */
  readonly logged: readonly string[];
  readonly calls: readonly string[];
}

/** What became of the same bytes on both sockets. */
export interface Compared {
  readonly hono: Seen;
  readonly fast: Seen;
  /** How many requests the second socket left to Hono. */
  readonly left: number;
}

export interface BothWays {
  readonly bench: TestApp;
  readonly urls: Readonly<Record<"hono" | "fast", string>>;
  ask(bytes: string | Buffer, options?: RawOptions): Promise<Compared>;
  /** @param deadline in milliseconds */
  close(deadline?: number): Promise<void>;
}

export async function bothWays(
  options: TestAppOptions & { readonly limits?: Partial<Limits> } = {},
): Promise<BothWays> {
  const { limits = {}, ...rest } = options;
  const lines: string[] = [];
  const line = (level: string) => (fields: object, message: string) => {
    lines.push(JSON.stringify({ level, message, ...fields, ...("ms" in fields ? { ms: typeof fields.ms } : {}) }));
  };
  const log: Log = { info: line("info"), warn: line("warn"), error: line("error") };
  const bench = testApp({ logRequests: true, log, ...rest });
  const { app, fastRoutes } = bench;
  let left = 0;
  const counted = (request: Request, env: object): Response | Promise<Response> => {
    left++;
    return app.fetch(request, env);
  };
  const hono = await serveApp(app, { limits, log });
  const fast = await serveApp({ fetch: counted }, { limits, log, fastRoutes });
  const see = async (url: string, bytes: string | Buffer, how?: RawOptions): Promise<Seen> => {
    lines.length = 0;
    bench.calls.length = 0;
    const { text } = await sendRaw(url, bytes, how);
    return {
      text: text.replaceAll(/^Date: .*$/gm, "Date: …"),
      logged: lines.map((text) => text.replace(/"stack":".*?[^\\]"/g, '"stack":"…"')),
      calls: [...bench.calls],
    };
  };
  return {
    bench,
    urls: { hono: hono.url, fast: fast.url },
    ask: async (bytes, how) => {
      const seen = await see(hono.url, bytes, how);
      left = 0;
      return { hono: seen, fast: await see(fast.url, bytes, how), left };
    },
    close: async (deadline = 1_000) => {
      await Promise.all([hono.close(deadline), fast.close(deadline)]);
    },
  };
}
