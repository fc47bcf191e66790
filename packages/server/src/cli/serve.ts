/** `sojourn serve`: from the options to a running server, and from a signal to its end. */
import { constants } from "node:os";
import { createSessions, type Mode, type Sessions } from "sojourn";
import { cookieSessions } from "sojourn/cookies";
import { createService } from "../http/app.ts";
import { describeError } from "../http/log.ts";
import { startCleanup } from "../node/cleanup-loop.ts";
import { listen, type Listening } from "../node/listen.ts";
import { operatorLog } from "../node/operator-log.ts";
import { serverMetrics } from "../node/server-metrics.ts";
import { openStore } from "./open-store.ts";
import { UsageError } from "./report-error.ts";
import { isLoopback, type ServeOptions } from "./serve-options.ts";

/** For how long what runs may go on after a signal, in milliseconds. */
const STOP_DEADLINE = 10_000;

/** Starts the server; the process ends with it. @throws UsageError if it cannot start as it was told to */
export async function serve(options: ServeOptions, version: string): Promise<void> {
  const log = operatorLog(options.logLevel, options.logFormat);
  const { store, where } = await openStore(options.store, log, options);
  let stopping = false;
  let listening: Listening;
  let sessions: Sessions<Record<string, unknown>, Mode>;
  try {
    const { ttl, absoluteTtl, apiKey, open, cors, protectProbes, openMetrics, maxBody } = options;
    const { verify } = options;
    const plain = createSessions({ store, ttl, absoluteTtl });
    const kind = options.store.slice(0, options.store.indexOf(":")).toLowerCase();
    const metrics = serverMetrics({ sessions: plain, version, store: kind });
    sessions = metrics.sessions;
    const { app, fastRoutes } = createService({
      sessions,
      apiKey,
      open,
      cors,
      protectProbes,
      verify: verify && {
        web: cookieSessions({ sessions, keys: verify.keys, cookie: verify.cookie, bearer: true }),
        fields: verify.fields,
      },
      metrics,
      openMetrics,
      maxBody,
      log,
      logRequests: log.logsRequests,
      isStopping: () => stopping,
    });
    listening = await listen({ fetch: app.fetch, fastRoutes, host: options.host, port: options.port, log }).catch(
      (error) => {
        throw cannotListen(error, options);
      },
    );
  } catch (error) {
    await store.close();
    throw error;
  }
  const cleanup = startCleanup({ sessions, log });
  process.stdout.write(greeting(options, listening.url, where));

  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    // Who asks twice does not want to wait.
    if (stopping) process.exit(128 + constants.signals[signal]);
    stopping = true;
    if (!(await listening.close(STOP_DEADLINE))) log.warn({}, "requests were cut: they ran longer than the deadline");
    await cleanup.stop();
    await store.close();
    log.flush();
    process.exit(0);
  };
  const stopOn = (signal: NodeJS.Signals): void => {
    stop(signal).catch((error: unknown) => {
      log.error({ error: describeError(error) }, "could not stop in good order");
      log.flush();
      process.exit(1);
    });
  };
  process.on("SIGTERM", stopOn).on("SIGINT", stopOn);
  // Node itself would print every field of the error, those that hold a request included.
  process.on("uncaughtException", (error) => {
    log.flush();
    process.stderr.write(`sojourn: the server failed: ${error.stack ?? error.message}\n`);
    process.exit(1);
  });
}

const noSuchHost = (host: string): string => `--host ${host} is not an address of this machine`;
const CANNOT_LISTEN: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (host, port) => `port ${port} on ${host} is in use; choose another one with --port`,
  EACCES: (_host, port) => `this user may not listen on port ${port}; choose one from 1024 on with --port`,
  EADDRNOTAVAIL: noSuchHost,
  ENOTFOUND: noSuchHost,
  EAI_AGAIN: noSuchHost,
  EINVAL: noSuchHost,
};

function cannotListen(error: NodeJS.ErrnoException, { host, port }: ServeOptions): Error {
  const message = CANNOT_LISTEN[error.code ?? ""]?.(host, port);
  return message === undefined ? error : new UsageError(message);
}

/** What a server says when it has started: where it listens, where the data lies, a line to try, and who may ask. */
function greeting(options: ServeOptions, url: string, where: string): string {
  const { cors } = options;
  const key = options.apiKey === undefined ? "" : ` -H "authorization: Bearer $SOJOURN_API_KEY"`;
  return [
    `sojourn listens on ${url}`,
    `Sessions are kept ${where}`,
    `Try: curl -i ${url}/sessions${key} -H 'content-type: application/json' -d '{"token":"t1","user":"u_42"}'`,
    ...(cors.length === 0 ? [] : [`Pages of ${cors.includes("*") ? "every origin" : cors.join(", ")} may ask, too`]),
    whoMayAsk(options),
    "",
  ].join("\n");
}

function whoMayAsk({ apiKey, open, host, protectProbes, openMetrics }: ServeOptions): string {
  if (apiKey !== undefined) {
    const free = [...(protectProbes ? [] : ["/healthz", "/readyz"]), ...(openMetrics ? ["/metrics"] : [])];
    return `Every request needs the API key${free.length === 0 ? "" : `, but ${free.join(", ").replace(/, ([^,]*)$/, " and $1")}`}`;
  }
  if (!open) return "It is open to every program on this machine, and only to those: no API key is set";
  const everybody = isLoopback(host)
    ? "every program on this machine, and every page that a browser here shows"
    : "everybody who can reach this address";
  return `It is open to ${everybody}: they can log in as any user, resolve or end every session whose token they know, and read the count`;
}
