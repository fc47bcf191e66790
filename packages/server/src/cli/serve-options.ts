/** The options of `sojourn serve`: checked here, so that everything behind gets what it expects. */
import { BlockList, isIP } from "node:net";
import { createSessions, type Duration } from "sojourn";
import { cookieSessions } from "sojourn/cookies";
import { areFields, isOrigin } from "../http/app-options.ts";
import { MIN_API_KEY_LENGTH, checkApiKey } from "../http/gate.ts";
import type { LogFormat, LogLevel } from "../node/operator-log.ts";
import { UsageError } from "./report-error.ts";

/** As commander hands them over. */
export interface ServeFlags {
  readonly store: string;
  readonly allowEviction: string;
  readonly migrate: string;
  readonly host: string;
  readonly port: string;
  readonly ttl: string;
  readonly absoluteTtl: string;
  readonly apiKey?: string;
  readonly open: string;
  readonly cors?: string;
  readonly protectProbes: string;
  readonly openMetrics: string;
  readonly cookieKeys?: string;
  readonly cookieName?: string;
  readonly verifyFields?: string;
  readonly maxBody: string;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** As `serve` takes them. */
export interface ServeOptions {
  readonly store: string;
  readonly allowEviction: boolean;
  readonly migrate: boolean;
  readonly host: string;
  readonly port: number;
  readonly ttl: Duration;
  readonly absoluteTtl: Duration;
  readonly apiKey: string | undefined;
  readonly open: boolean;
  readonly cors: readonly string[];
  readonly protectProbes: boolean;
  readonly openMetrics: boolean;
  /** What `/verify` goes by; without keys there is no such path. */
  readonly verify: VerifyFlags | undefined;
  readonly maxBody: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** The keys that credentials are signed with, the name of the cookie, and the fields that are told. */
export interface VerifyFlags {
  readonly keys: readonly string[];
  readonly cookie: { readonly name?: string };
  readonly fields: readonly string[];
}

const LARGEST_MAX_BODY = 16_777_216;

/** @throws UsageError that names the option */
export function checkServeFlags(flags: ServeFlags): ServeOptions {
  const port = wholeNumber(flags.port, "--port", 0, 65_535);
  const maxBody = wholeNumber(flags.maxBody, "--max-body", 1, LARGEST_MAX_BODY);
  const durations = checkDurations(flags);
  const open = yesOrNo(flags.open, "--open");
  const protectProbes = yesOrNo(flags.protectProbes, "--protect-probes");
  const openMetrics = yesOrNo(flags.openMetrics, "--open-metrics");
  const allowEviction = yesOrNo(flags.allowEviction, "--allow-eviction");
  const migrate = yesOrNo(flags.migrate, "--migrate");
  const { apiKey } = flags;
  const cors = flags.cors?.split(",").map((origin) => origin.trim()) ?? [];
  if (flags.host === "") throw new UsageError("--host must be an address or a name");
  if (apiKey !== undefined) checkKey(apiKey, open);
  else if (!open && !isLoopback(flags.host)) {
    throw new UsageError(
      `--host ${flags.host} can be reached from other machines, so it needs an API key: ` +
        `set SOJOURN_API_KEY to at least ${MIN_API_KEY_LENGTH} characters (32 random ones are a good choice), ` +
        "or --open, if everybody may log in and out",
    );
  }
  checkCors(cors, open || apiKey !== undefined);
  const verify = checkVerify(flags);
  const answers = { verify, allowEviction, migrate, open, protectProbes, openMetrics };
  return { ...flags, ...durations, ...answers, port, maxBody, apiKey, cors };
}

function checkKey(apiKey: string, open: boolean): void {
  try {
    checkApiKey(apiKey);
  } catch (error) {
    throw new UsageError(`--api-key or SOJOURN_API_KEY: ${(error as Error).message}`);
  }
  if (open)
    throw new UsageError("--open asks nobody for a key: take it away, or the API key (--api-key, SOJOURN_API_KEY)");
}

/** What stands between commas. */
function listed(text = ""): readonly string[] {
  return text === "" ? [] : text.split(",").map((item) => item.trim());
}

/** @throws UsageError that never holds a key */
function checkVerify({ cookieKeys, cookieName, verifyFields }: ServeFlags): VerifyFlags | undefined {
  if (cookieKeys === undefined) {
    if (cookieName === undefined && verifyFields === undefined) return undefined;
    throw new UsageError("--cookie-name and --verify-fields are for /verify, which needs SOJOURN_COOKIE_KEYS");
  }
  const fields = listed(verifyFields);
  if (!areFields(fields)) {
    throw new UsageError(
      "--verify-fields takes names of letters, digits and hyphens, each once, with commas between them",
    );
  }
  const verify = { keys: listed(cookieKeys), cookie: cookieName === undefined ? {} : { name: cookieName }, fields };
  try {
    cookieSessions({ sessions: createSessions(), keys: verify.keys, cookie: verify.cookie });
    return verify;
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(`--cookie-keys, --cookie-name: ${error.message}`);
    throw error;
  }
}

function checkCors(cors: readonly string[], hasGate: boolean): void {
  if (!cors.every(isOrigin) || (cors.includes("*") && cors.length > 1)) {
    throw new UsageError("--cors takes origins without a path, such as https://app.example.com, or * alone");
  }
  if (cors.includes("*") && !hasGate) {
    throw new UsageError(
      "--cors * lets every page ask that a browser on this machine shows: it needs --api-key or --open",
    );
  }
}

/** The value of a flag that may stand alone. */
function yesOrNo(text: string, option: string): boolean {
  if (/^(?:yes|true|1|on)$/i.test(text)) return true;
  if (/^(?:no|false|0|off)$/i.test(text)) return false;
  throw new UsageError(`${option} must be yes or no, got ${JSON.stringify(text)}`);
}

/** A manager knows best which durations it takes. This one is asked before a store is opened, which can make a file. */
function checkDurations({ ttl, absoluteTtl }: ServeFlags): Pick<ServeOptions, "ttl" | "absoluteTtl"> {
  const durations = { ttl: ttl as Duration, absoluteTtl: absoluteTtl as Duration };
  try {
    createSessions(durations);
    return durations;
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(`--ttl, --absolute-ttl: ${error.message}`);
    throw error;
  }
}

function wholeNumber(text: string, option: string, least: number, most: number): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least && number <= most)) {
    throw new UsageError(`${option} must be a whole number from ${least} to ${most}, got ${JSON.stringify(text)}`);
  }
  return number;
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** Whether only this machine can reach an address. A name other than `localhost` could stand for any address. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  if (family === 0) return host.toLowerCase() === "localhost";
  return LOOPBACK.check(host, family === 6 ? "ipv6" : "ipv4");
}
