/**
 * The session cookie: its attributes, checked once, the lines that set and clear it, and its value out of a request.
 */
import { checkOptions, type OptionNames } from "../../options.ts";
import { cookieRules } from "../../policies/cookie-rules.ts";
import type { CookieSettings } from "../../policies/rule.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import type { Mode } from "../../store/reply.ts";
import { show } from "../../show.ts";
import { utf8Length } from "../../store/check.ts";
import { CREDENTIAL_BYTES } from "./signer.ts";

/** In either writing. */
export type SameSite = "strict" | "lax" | "none" | "Strict" | "Lax" | "None";

/** What `sojourn/auth` says of a cookie, in `getSessionConfig()`. */
export interface ConfiguredCookie {
  readonly cookieName: string;
  readonly secure?: boolean;
  readonly sameSite?: SameSite;
  readonly ttl?: unknown;
  readonly refreshThreshold?: unknown;
}

/** The session cookie. `HttpOnly` is always set. */
export interface CookieOptions {
  /** @default "__Host-session" */
  readonly name?: string;
  /** The hosts below which the cookie is sent, too; not with a `__Host-` name. @default only the host itself */
  readonly domain?: string;
  /** @default "/" */
  readonly path?: string;
  /** Which sites may make a browser send it. @default "lax" */
  readonly sameSite?: SameSite;
  /** `false` is refused: `development` is the one way to a cookie over http. @default true */
  readonly secure?: boolean;
  /** Keeps a cookie of its own for each site that embeds this one (CHIPS). @default false */
  readonly partitioned?: boolean;
  /** `false` sends no `Max-Age`: the browser forgets the cookie when it is closed, if it does. @default true */
  readonly persistent?: boolean;
}

/** The cookie, ready for use. */
export interface SessionCookie {
  /** As `doctor` takes it. */
  readonly settings: CookieSettings;
  /** When the browser is told to forget the cookie of a session with this end. */
  endFor(expiresAt: number, now: number): number;
  /** Whether a browser that was told this end forgets the cookie before its session ends. */
  isBehind(told: number | undefined, expiresAt: number, now: () => number): boolean;
  /** The line that sets it. */
  set(credential: string, end: number, now: number): string;
  /** The line that deletes it: with the same attributes, or browsers keep it. */
  readonly clearCookie: string;
}

const DAY = 86_400_000;
/** 400 days: browsers cut what is longer (RFC 6265bis, 5.5). */
const LONGEST = 400 * DAY;
/** Browsers ignore longer attributes (RFC 6265bis, 5.6). */
const LARGEST_ATTRIBUTE = 1_024;
const SAME_SITE = new Map([
  ["strict", "Strict"],
  ["lax", "Lax"],
  ["none", "None"],
] as const);
const DEFAULT_NAME = "__Host-session";
/** A host name; a leading dot means nothing, and hides what is meant. */
const DOMAIN = /^[a-z\d](?:[a-z\d.-]*[a-z\d])?$/i;
/** What can stand in an attribute: visible ASCII without the semicolon. */
const PATH = /^\/[\x21-\x3a\x3c-\x7e]*$/;

/** @throws TypeError for attributes that a browser would drop, or that are not what they should be */
export function sessionCookie(
  given: CookieOptions | ConfiguredCookie,
  development: boolean,
  sessions: Pick<Sessions<never, Mode>, "policy" | "guarantees">,
): SessionCookie {
  const options = optionsOf(given);
  const { domain, path = "/", partitioned = false, persistent = true } = options;
  if (options.secure === false && !development) {
    throw new TypeError(
      "Expected `cookie.secure` to be true: a cookie over http can be read on the way. For http on this machine, " +
        "set `development: true`",
    );
  }
  const name = development ? plainName(options.name ?? DEFAULT_NAME) : (options.name ?? DEFAULT_NAME);
  const sameSite = sameSiteOf(options.sameSite ?? "lax");
  checkText("domain", domain, DOMAIN);
  checkText("path", path, PATH);
  const settings: CookieSettings = {
    name,
    secure: !development,
    httpOnly: true,
    sameSite,
    path,
    valueBytes: CREDENTIAL_BYTES,
    ...(domain !== undefined && { domain }),
    ...(persistent && { maxAge: Math.ceil(sessions.policy.ttl / 1_000) }),
  };
  checkRules(settings, sessions);
  if (partitioned && development) {
    throw new TypeError("Expected `cookie.partitioned` only with Secure, which `development` leaves out");
  }
  return ready(settings, { partitioned, persistent });
}

const COOKIE_OPTIONS: OptionNames<CookieOptions> = {
  name: true,
  domain: true,
  path: true,
  sameSite: true,
  secure: true,
  partitioned: true,
  persistent: true,
};
const CONFIGURED: OptionNames<ConfiguredCookie> = {
  cookieName: true,
  secure: true,
  sameSite: true,
  ttl: true,
  refreshThreshold: true,
};

function optionsOf(given: CookieOptions | ConfiguredCookie): CookieOptions {
  if (!("cookieName" in given)) {
    checkOptions("cookie", given, COOKIE_OPTIONS);
    return given;
  }
  checkOptions("cookie", given, CONFIGURED);
  const { cookieName, ttl: _ttl, refreshThreshold: _refreshThreshold, ...options } = given;
  return { name: cookieName, ...options };
}

function sameSiteOf(sameSite: SameSite): "Strict" | "Lax" | "None" {
  const known = typeof sameSite === "string" ? SAME_SITE.get(sameSite.toLowerCase() as "lax") : undefined;
  if (known !== undefined) return known;
  throw new TypeError(`Expected \`cookie.sameSite\` to be "strict", "lax" or "none", got ${show(sameSite)}`);
}

/** Rules whose violation makes browsers drop the cookie, or cut it. */
const BINDING = /^(RFC 6265bis|ASVS 3\.3\.5)/;

function checkRules(
  cookie: CookieSettings,
  { policy, guarantees }: Pick<Sessions<never, Mode>, "policy" | "guarantees">,
): void {
  for (const { requirement, expected, violation } of cookieRules) {
    if (!BINDING.test(requirement)) continue;
    const found = violation({ policy, guarantees, unheard: [], cookie });
    if (found !== undefined) {
      throw new TypeError(`Expected \`cookie\` to have ${expected} (${requirement}), got ${found}`);
    }
  }
}

function ready(settings: CookieSettings, more: { partitioned: boolean; persistent: boolean }): SessionCookie {
  const { name, path, domain, secure, sameSite } = settings;
  const attributes =
    (domain === undefined ? "" : `; Domain=${domain}`) +
    `; Path=${path}` +
    (secure === true ? "; Secure" : "") +
    `; HttpOnly; SameSite=${sameSite}` +
    (more.partitioned ? "; Partitioned" : "");
  return {
    settings,
    endFor: (expiresAt, now) => Math.min(expiresAt, now + LONGEST),
    // Where 400 days are less than the session has, they are told anew once a day.
    isBehind: (told = 0, expiresAt, now) => more.persistent && expiresAt > told && now() + LONGEST - DAY > told,
    set(credential, end, now) {
      if (!more.persistent) return `${name}=${credential}${attributes}`;
      // Rounded up: a fresh hour is an hour, and 0 would delete the cookie.
      const maxAge = Math.max(Math.ceil((end - now) / 1_000), 1);
      return `${name}=${credential}; Max-Age=${maxAge}${attributes}`;
    },
    // Browsers from before Max-Age=0 was legal go by Expires.
    clearCookie: `${name}=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT${attributes}`,
  };
}

function plainName(name: string): string {
  return name.replace(/^__(Host|Secure)-/i, "");
}

function checkText(name: string, value: string | undefined, shape: RegExp): void {
  if (value === undefined) return;
  if (typeof value !== "string" || !shape.test(value) || utf8Length(value) > LARGEST_ATTRIBUTE) {
    throw new TypeError(`Expected \`cookie.${name}\` to be a ${name} that a cookie can have, got ${show(value)}`);
  }
}

/** What stands for a cookie that came more than once: which of them is ours cannot be told, so none is. */
export const AMBIGUOUS = "";

/**
 * The value of our cookie in a `Cookie` header; `undefined` if it did not come, {@link AMBIGUOUS} if it came several
 * times. Nothing else in the header is taken apart.
 *
 * Browsers send `name=value` pairs between semicolons and blanks (RFC 6265bis, 4.2.1). The name is compared exactly, as
 * servers must; it can also occur within another cookie's value, where it does not count.
 */
export function cookieValue(header: string, nameAndEquals: string): string | undefined {
  const start = nextPair(header, nameAndEquals, 0);
  if (start === -1) return undefined;
  const from = start + nameAndEquals.length;
  const end = header.indexOf(";", from);
  if (end === -1) return header.slice(from).trimEnd();
  return nextPair(header, nameAndEquals, end) === -1 ? header.slice(from, end).trimEnd() : AMBIGUOUS;
}

/** Where the next pair of this name begins. */
function nextPair(header: string, nameAndEquals: string, from: number): number {
  let start = header.indexOf(nameAndEquals, from);
  while (start !== -1 && !beginsPair(header, start)) start = header.indexOf(nameAndEquals, start + 1);
  return start;
}

function beginsPair(header: string, start: number): boolean {
  let before = start - 1;
  while (before >= 0 && isBlank(header.charCodeAt(before))) before--;
  return before < 0 || header.charCodeAt(before) === SEMICOLON;
}

const SEMICOLON = 0x3b;
const isBlank = (unit: number): boolean => unit === 0x20 || unit === 0x09;
