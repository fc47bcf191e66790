/**
 * `sessionStorage`: the interface of React Router's `createCookieSessionStorage` over our sessions.
 *
 * What was written for it keeps working: `getSession` in each loader, `commitSession` and `destroySession` for a header. What
 * it says of a user in a field is a login here, so that the user's sessions can be listed and ended.
 */
import type { Session, SessionStorage } from "react-router";
import { checkOptions, requireOptions, type OptionNames } from "../../options.ts";
import { show } from "../../show.ts";
import type { Mode } from "../../store/reply.ts";
import { cookieSessions } from "../cookies/cookie-sessions.ts";
import { jsonValue } from "../cookies/changes.ts";
import type { IncomingRequest, ResponseHeaders } from "../cookies/http-messages.ts";
import type { CookieSessionsOptions } from "../cookies/options.ts";
import type { LoginOptions, RequestSession } from "../cookies/request-session.ts";

/** Options of `sessionStorage`. */
export interface SessionStorageOptions<Data> extends Pick<
  CookieSessionsOptions<Data, Mode>,
  "sessions" | "keys" | "cookie" | "development" | "csrf"
> {
  /**
   * The field that holds whose session it is: a commit that finds another value in it is a login of that user, with a new id
   * and a new token, and one that finds it unset is that user's logout. `false` for none. @default "userId"
   */
  readonly userField?: string | false;
}

const OPTIONS: OptionNames<SessionStorageOptions<never>> = {
  sessions: true,
  keys: true,
  cookie: true,
  development: true,
  csrf: true,
  userField: true,
};

/** What it is called with where only the cookie is given, as for `createCookieSessionStorage`. */
type Source = string | null | Request;

/** A `SessionStorage` of React Router's, whose `getSession` takes a whole `Request` as well. */
export interface SojournStorage<Data, FlashData = Data> extends SessionStorage<Data, FlashData> {
  /**
   * The session of a request. With a `Request` in place of its `Cookie` header, another site's request is refused, as the
   * middleware does it; a header alone does not tell where it comes from.
   *
   * @throws StoreError if the store cannot tell
   * @throws CrossSiteRequestError for an unsafe request of another origin
   */
  getSession(source?: Source): Promise<Session<Data, FlashData>>;
}

/**
 * Sessions for code that was written for `createCookieSessionStorage`: it changes one import.
 *
 * - A session's end, and its cookie's, are the manager's. `maxAge` and `expires` of `commitSession` are the lifetime of a
 *   session that begins with this commit as a user's; for others they are nothing.
 * - A session is committed once. Where nothing has changed, `commitSession` returns an empty line, which browsers ignore.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { sessionStorage } from "sojourn/react-router";
 *
 * const sessions = createSessions<{ theme: string }>();
 * const { getSession, commitSession } = sessionStorage({ sessions, keys: ["only for this page: 32 bytes or more"] });
 * const session = await getSession(new Request("https://shop.example/"));
 * session.set("theme", "dark");
 * console.log((await commitSession(session)).startsWith("__Host-session=")); // true
 * ```
 * @throws TypeError as `cookieSessions` does
 */
export function sessionStorage<Data, FlashData = Data>(
  options: SessionStorageOptions<Data>,
): SojournStorage<Data, FlashData> {
  requireOptions<object>("sessionStorage", options, OPTIONS);
  const { userField = "userId", ...webOptions } = options;
  if (userField !== false && typeof userField !== "string") {
    throw new TypeError(`Expected \`userField\` to be the name of a field, or false, got ${show(userField)}`);
  }
  const web = cookieSessions<Data, Mode>(webOptions);
  const storedOf = new WeakMap<object, Stored>();

  function stored(session: object): Stored {
    const found = storedOf.get(session);
    if (found !== undefined) return found;
    throw new TypeError("Expected a session that `getSession` of this storage has returned");
  }

  return {
    async getSession(source?: Source) {
      const inner = (await web.start(requestOf(source))) as RequestSession<Fields>;
      const own = new Stored(inner, userField, options.sessions.policy);
      const session = own.session() as object as Session<Data, FlashData>;
      storedOf.set(session, own);
      return session;
    },
    commitSession: async (session, given) => stored(session).commit(given),
    destroySession: async (session) => stored(session).destroy(),
  };
}

/** A request that is only known by its cookie counts as a safe one of this machine's own. */
function requestOf(source: Source | undefined): IncomingRequest {
  if (typeof source === "object" && source !== null) return source;
  return { headers: { host: "localhost", ...(typeof source === "string" && { cookie: source }) } };
}

type Policy = SessionStorageOptions<Fields>["sessions"]["policy"];
type Fields = Record<string, unknown>;
type CommitOptions = Parameters<SessionStorage["commitSession"]>[1];

/** One session that was given out. */
class Stored {
  readonly #inner: RequestSession<Fields>;
  readonly #userField: string | false;
  readonly #policy: Policy;
  /** What was flashed in this request: here it can be read in the same one. */
  readonly #flashed = new Map<string, unknown>();
  #userWasSet = false;

  constructor(inner: RequestSession<Fields>, userField: string | false, policy: Policy) {
    this.#inner = inner;
    this.#userField = userField;
    this.#policy = policy;
  }

  session(): Session {
    const inner = this.#inner;
    const flashed = this.#flashed;
    const has = (name: string): boolean => this.#field(name) !== undefined || flashed.has(name) || inner.hasFlash(name);
    return {
      get id() {
        return inner.id ?? "";
      },
      get data() {
        return inner.data;
      },
      has,
      get: (name) => (this.#field(name) ?? this.#takeFlash(name)) as never,
      set: (name, value) => {
        if (name === this.#userField) this.#userWasSet = true;
        inner.set(name, value);
      },
      // What is no JSON is refused here, where it is flashed, and not at the commit.
      flash: (name, value) => void flashed.set(name, jsonValue(name, value).value),
      unset: (name) => {
        if (name === this.#userField) this.#userWasSet = true;
        inner.delete(name);
      },
    };
  }

  async commit(given: CommitOptions): Promise<string> {
    checkOptions<object>("commitSession", given, { maxAge: true, expires: true });
    if (this.#userWasSet) await this.#changeUser(this.#loginOptions(given));
    this.#userWasSet = false;
    for (const [name, value] of this.#flashed) this.#inner.flash(name, value);
    this.#flashed.clear();
    return this.#commit();
  }

  async destroy(): Promise<string> {
    await this.#inner.destroy();
    return this.#commit();
  }

  /** The field; for whose session it is, what `login` of the middleware has set as well. */
  #field(name: string): unknown {
    const value = this.#inner.get(name);
    if (value !== undefined || name !== this.#userField || this.#userWasSet) return value;
    return this.#inner.userId ?? undefined;
  }

  #takeFlash(name: string): unknown {
    const value = this.#flashed.get(name) ?? this.#inner.takeFlash(name);
    this.#flashed.delete(name);
    return value;
  }

  /** A cookie's lifetime, as the session's own; no session outlives the manager's `absoluteTtl`. */
  #loginOptions(given: CommitOptions): LoginOptions {
    const { clock, absoluteTtl } = this.#policy;
    const { maxAge, expires } = given ?? {};
    const ttl = maxAge === undefined ? expires && expires.getTime() - clock.now() : maxAge * 1_000;
    return ttl === undefined ? {} : { ttl: Math.min(ttl, absoluteTtl) };
  }

  async #changeUser(options: LoginOptions): Promise<void> {
    const user: unknown = this.#inner.get(this.#userField as string);
    const { userId } = this.#inner;
    if (user === undefined || user === null) {
      if (userId !== null) await this.#inner.login(null);
      return;
    }
    if (typeof user !== "string" && typeof user !== "number") {
      throw new TypeError(
        `Expected \`${String(this.#userField)}\` to be a user's id, a string or a number, got ${show(user)}`,
      );
    }
    if (String(user) === userId) this.#inner.rotate();
    else await this.#inner.login(String(user), undefined, options);
  }

  async #commit(): Promise<string> {
    const lines: string[] = [];
    const headers: ResponseHeaders = {
      get: () => null,
      set() {},
      append: (name, value) => void (name === "Set-Cookie" && lines.push(value)),
    };
    await this.#inner.commit(headers);
    return lines.join("");
  }
}
