/** Options of `cookieSessions`. */
import type { Sessions } from "../../sessions/sessions.ts";
import { checkOptions, type OptionNames } from "../../options.ts";
import { show } from "../../show.ts";
import { utf8Length } from "../../store/check.ts";
import type { Mode } from "../../store/reply.ts";
import type { ConfiguredCookie, CookieOptions } from "./cookie.ts";
import type { LookupGuard } from "./lookup-guard.ts";

/** Options of `cookieSessions`, and of every framework's middleware. */
export interface CookieSessionsOptions<Data, M extends Mode> {
  /** The manager, from `createSessions`. Its data is an object: what has fields. */
  readonly sessions: Sessions<Data, M>;
  /**
   * The secrets that credentials are signed with, each at least 32 bytes, such as `openssl rand -base64 32` prints.
   * The first one signs, all of them are accepted: put a new one in front, and take the old one away when no
   * credential of its time can live any more.
   */
  readonly keys: readonly string[];
  /**
   * The cookie that carries the token; `false` for none. `getSessionConfig()` of `sojourn/auth` will do: its `ttl` and
   * `refreshThreshold` are the manager's. @default { name: "__Host-session" }
   */
  readonly cookie?: CookieOptions | ConfiguredCookie | false;
  /** Whether `Authorization: Bearer` carries a token as well. @default false */
  readonly bearer?: boolean;
  /** The name of a header that carries a token as well, such as `"X-Session-Id"`. @default none */
  readonly header?: string;
  /**
   * A plain cookie, without `Secure` and without a prefix in its name, for http while you develop. Requests for another
   * host than `localhost`, or forwarded from another machine, are then refused, but for the named `hosts`: a phone's way
   * to this machine (`"192.168.1.7"`), a container (`"app"`), a tunnel (`"*.tunnel.example"`). @default false
   */
  readonly development?: boolean | { readonly hosts: readonly string[] };
  /**
   * Where a cookie carries the token: refuses unsafe requests (all but GET, HEAD, OPTIONS and TRACE) and upgrades to
   * another protocol that a browser makes on behalf of another origin. `trustedOrigins` are let through; `false` is for
   * applications that have a check of their own. @default true
   */
  readonly csrf?: boolean | { readonly trustedOrigins: readonly string[] };
  /** What browsers are told to clear at a `logout`: the directives of `Clear-Site-Data`. @default nothing */
  readonly clearSiteData?: readonly ("cache" | "cookies" | "storage" | "executionContexts" | "*")[];
  /** Told of credentials that let nobody in, and asked before one is looked at. @default nobody */
  readonly guard?: LookupGuard;
}

/** The names of all options. */
export const COOKIE_SESSIONS_OPTIONS: OptionNames<CookieSessionsOptions<never, Mode>> = {
  sessions: true,
  keys: true,
  cookie: true,
  bearer: true,
  header: true,
  development: true,
  csrf: true,
  clearSiteData: true,
  guard: true,
};

/** @throws TypeError for an option of an option that is not known, and for a `development` that is none */
export function checkNestedOptions({
  development,
  guard,
}: Pick<CookieSessionsOptions<never, Mode>, "development" | "guard">): void {
  // A text of the environment is none: "false" would send cookies without Secure.
  if (development !== undefined && typeof development !== "boolean") {
    if (typeof development !== "object" || development === null || Array.isArray(development)) {
      throw new TypeError(`Expected \`development\` to be true, false or { hosts }, got ${show(development)}`);
    }
    checkOptions("development", development, { hosts: true });
  }
  checkOptions("guard", guard, { admits: true, failed: true });
}

const LEAST_KEY_BYTES = 32;

/** @throws TypeError if they are not secrets; the message never shows one */
export function checkKeys(keys: readonly string[]): void {
  if (!Array.isArray(keys) || keys.length === 0) {
    throw new TypeError(
      `Expected \`keys\` to be an array of secrets, got ${Array.isArray(keys) ? "an empty one" : typeof keys}`,
    );
  }
  for (const [index, key] of keys.entries()) {
    if (typeof key !== "string" || utf8Length(key) < LEAST_KEY_BYTES) {
      const given = typeof key === "string" ? `${utf8Length(key)} bytes` : typeof key;
      throw new TypeError(
        `Expected \`keys[${index}]\` to be a string of at least ${LEAST_KEY_BYTES} bytes ` +
          `(openssl rand -base64 32 prints one), got ${given}`,
      );
    }
  }
}

const DIRECTIVES = ["cache", "cookies", "storage", "executionContexts", "*"];

/** The value of `Clear-Site-Data`; `undefined` for none. @throws TypeError for an unknown directive */
export function clearSiteDataValue(
  directives: CookieSessionsOptions<never, Mode>["clearSiteData"],
): string | undefined {
  for (const directive of directives ?? []) {
    if (!DIRECTIVES.includes(directive)) {
      throw new TypeError(`Expected \`clearSiteData\` to hold ${DIRECTIVES.join(", ")}, got ${show(directive)}`);
    }
  }
  return directives === undefined || directives.length === 0
    ? undefined
    : directives.map((directive) => `"${directive}"`).join(", ");
}
