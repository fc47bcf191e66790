/** The options of `createApp`: checked once, so that everything behind gets what it expects. */
import type { Mode, Reply, Session, Sessions } from "sojourn";
import { checkApiKey } from "./gate.ts";
import { noLog, type Log } from "./log.ts";
import type { Metrics } from "./routes/metrics.ts";
import { FIELD_NAME, type Verify } from "./routes/verify.ts";

/** Options of `createApp`. */
export interface AppOptions {
  /** The sessions that are served. Reading one never extends it, whatever the manager's refresh threshold is. */
  readonly sessions: ServedSessions;
  /**
   * The key that every request must bring, but for `/healthz` and `/readyz`.
   * @default none: only requests to localhost that no page of another origin made are answered
   */
  readonly apiKey?: string | undefined;
  /**
   * Whether everybody may ask. Whoever can reach the service then logs in as any user, resolves and ends every session
   * whose token they know, and reads how many there are. The API under `/api/v1` is not there then. For a service behind another one that decides who asks, or for
   * tokens that nobody can guess and users that stand for nothing.
   * @default false
   */
  readonly open?: boolean;
  /**
   * The origins whose pages may ask from a browser, such as `"https://app.example.com"`, or `"*"` for all (CORS). It
   * opens nothing by itself: who may ask is decided as without it, but that their requests are not refused as another
   * origin's.
   * @default none
   */
  readonly cors?: readonly string[];
  /**
   * Whether `/healthz` and `/readyz` need the key as well. They tell nothing but a word, and what asks them, such as a
   * load balancer, often has no key.
   * @default false
   */
  readonly protectProbes?: boolean;
  /** The largest body, in bytes. @default 16,384 */
  readonly maxBody?: number;
  /** @default nothing is logged */
  readonly log?: Log;
  /** Whether each request is a line in the log: method, route, status and milliseconds, never the token. @default false */
  readonly logRequests?: boolean;
  /**
   * The public keys that access tokens are verified with, such as `auth.jwks` of `sojourn/auth`: published as
   * `GET /.well-known/jwks.json`, behind the API key like every route. Asked at each request, so that keys can change.
   * @default none: there is no such path
   */
  readonly jwks?: (() => object | Promise<object>) | undefined;
  /**
   * What `GET /verify` goes by, which proxies ask (nginx `auth_request`, Caddy `forward_auth`). It needs no API key: who
   * asks presents a signed credential. @default none: there is no such path
   */
  readonly verify?: Verify | undefined;
  /** What `GET /metrics` answers, behind the API key like every route. @default none: there is no such path */
  readonly metrics?: Metrics | undefined;
  /** Whether `/metrics` needs no key. It tells how many sessions there are, and nothing of any. @default false */
  readonly openMetrics?: boolean;
  /** Whether the server is on its way down, so that `/readyz` says so. @default never */
  readonly isStopping?: () => boolean;
}

/** What the service asks of a session manager, of either mode: `createAuth(…).sessions` has it as well. */
export type ServedSessions = Pick<
  Sessions<Record<string, unknown>, Mode>,
  | "authenticate"
  | "count"
  | "create"
  | "destroy"
  | "destroyByToken"
  | "destroyByUser"
  | "explain"
  | "get"
  | "list"
  | "listByUser"
  | "policy"
  | "reauthenticate"
  | "refresh"
  | "rotate"
> & {
  /** The function makes the data anew, of whatever type it is: what it may hold is the manager's business. */
  update(id: string, change: (data: unknown, version: number) => never): Reply<Mode, Session | undefined>;
};

/** The largest body, in bytes, unless told otherwise. */
export const DEFAULT_MAX_BODY = 16_384;

type Check = readonly [isRight: (value: unknown) => boolean, expected: string];

const isFunction = (value: unknown): boolean => typeof value === "function";
const has = (value: unknown, names: readonly string[]): boolean =>
  typeof value === "object" && value !== null && names.every((name) => isFunction(Reflect.get(value, name)));
const BOOLEAN: Check = [(value) => typeof value === "boolean", "true or false"];

/** Every option, and what it has to be where it is given. */
const CHECKS: Readonly<Record<keyof AppOptions, Check>> = {
  sessions: [
    (value) => has(value, ["authenticate", "create", "destroyByToken", "get", "count", "update", "explain"]),
    "a session manager, such as createSessions() makes",
  ],
  apiKey: [(value) => typeof value === "string", "a string"],
  open: BOOLEAN,
  cors: [
    (value) => Array.isArray(value) && value.every(isOrigin),
    'a list of origins such as "https://app.example.com", or of "*" alone',
  ],
  protectProbes: BOOLEAN,
  maxBody: [(value) => Number.isSafeInteger(value) && (value as number) > 0, "a positive whole number of bytes"],
  log: [(value) => has(value, ["info", "warn", "error"]), "a log with the methods info, warn and error"],
  logRequests: BOOLEAN,
  jwks: [isFunction, "a function"],
  verify: [
    (value) => has((value as Verify | null)?.web, ["start"]) && areFields((value as Verify).fields ?? []),
    "{ web, fields }: what cookieSessions() makes, and names of letters, digits and hyphens, each once",
  ],
  metrics: [
    (value) => has(value, ["text"]) && typeof Reflect.get(value as object, "contentType") === "string",
    "numbers, such as { contentType, text() }",
  ],
  openMetrics: BOOLEAN,
  isStopping: [isFunction, "a function"],
};

/** The options, with every default. @throws TypeError that names the option, and never holds a key */
export function checkAppOptions(options: AppOptions): Required<AppOptions> {
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof AppOptions] : undefined;
    if (check === undefined) throw new TypeError(`Expected an option of \`createApp\`, such as ${suggested(name)}`);
    if (value !== undefined && !check[0](value)) throw unexpected(name, check[1]);
  }
  const { sessions, apiKey, open = false, cors = [] } = options;
  if (sessions === undefined) throw unexpected("sessions", CHECKS.sessions[1]);
  if (apiKey !== undefined) checkApiKey(apiKey);
  if (open && apiKey !== undefined) {
    throw new TypeError("Expected `open` or `apiKey`, got both: an open service asks nobody for a key");
  }
  if (cors.includes("*")) {
    if (cors.length > 1) throw unexpected("cors", CHECKS.cors[1]);
    // Every page that a browser on this machine shows could log in.
    if (!open && apiKey === undefined)
      throw new TypeError('Expected `cors: ["*"]` with `apiKey`, or with `open: true`');
  }
  const { protectProbes = false, maxBody = DEFAULT_MAX_BODY, log = noLog, logRequests = false } = options;
  const { jwks, verify, metrics, openMetrics = false, isStopping = () => false } = options;
  const more = { verify, metrics, openMetrics };
  return { sessions, apiKey, open, cors, protectProbes, maxBody, log, logRequests, jwks, ...more, isStopping };
}

/** Whether these are names of fields that headers can have, whose letters' case does not count. */
export function areFields(value: unknown): boolean {
  if (!Array.isArray(value) || !value.every((name) => typeof name === "string" && FIELD_NAME.test(name))) return false;
  return new Set(value.map((name: string) => name.toLowerCase())).size === value.length;
}

/** Whether a text is an origin as a browser sends it: a scheme, a host, and a port where it is not the scheme's own. */
export function isOrigin(value: unknown): boolean {
  if (typeof value !== "string") return false;
  return value === "*" || (/^https?:/.test(value) && URL.canParse(value) && new URL(value).origin === value);
}

function unexpected(name: string, expected: string): TypeError {
  return new TypeError(`Expected \`${name}\` to be ${expected}`);
}

/** The known option that is nearest to a name, or all where none is near. The name itself could be anything. */
function suggested(name: string): string {
  const given = name.slice(0, 64);
  const near = Object.keys(CHECKS)
    .map((known) => ({ known, edits: distance(given.toLowerCase(), known.toLowerCase()) }))
    .filter(({ known, edits }) => edits <= known.length / 3 + 1)
    .toSorted((a, b) => a.edits - b.edits)[0];
  const wanted = near === undefined ? `one of ${Object.keys(CHECKS).join(", ")}` : `\`${near.known}\``;
  return `${wanted}, got ${JSON.stringify(given)}`;
}

/** How many letters have to be put in, taken out or exchanged to make one text of the other (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let index = 0; index < from.length; index++) {
    const next = [index + 1];
    for (let at = 1; at <= to.length; at++) {
      const exchanged = (row[at - 1] as number) + (from[index] === to[at - 1] ? 0 : 1);
      next.push(Math.min(exchanged, (row[at] as number) + 1, (next[at - 1] as number) + 1));
    }
    row = next;
  }
  return row[to.length] as number;
}
