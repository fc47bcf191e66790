/**
 * Stands for `next/headers.js`, which is in no package here: a request with a jar of cookies for each of its phases, as
 * Next has them. What Next really does is driven in frameworks/next.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { CookieJar } from "../../../src/web/next/next-request.ts";
import { keptOf } from "./visitor.ts";

interface Scope {
  readonly jar: CookieJar;
  readonly headers: Headers;
}

const scopes = new AsyncLocalStorage<Scope>();

function scope(): Scope {
  const found = scopes.getStore();
  if (found === undefined) throw new Error("`cookies` was called outside a request scope");
  return found;
}

export const cookies = async (): Promise<CookieJar> => scope().jar;
export const headers = async (): Promise<Headers> => scope().headers;

/** One request to an application of Next, by a browser that keeps its cookie. */
export class NextVisitor {
  /** The `Cookie` header that it sends. */
  cookie: string | undefined;
  /** What was set by the last action, as `jar.set` was called. */
  set: readonly (readonly [name: string, value: string, options: Readonly<Record<string, unknown>>])[] = [];

  /** In a Server Component: cookies can be looked at. */
  async render<T>(run: () => Promise<T>, given: Readonly<Record<string, string>> = {}): Promise<T> {
    return scopes.run({ jar: sealed(jarOf(this.cookie)), headers: this.#headers(given) }, run);
  }

  /** In a Server Action or a Route Handler, and then in the page that is rendered with the same request's headers. */
  async act<T>(
    run: () => Promise<T>,
    { headers = {}, page }: { headers?: Readonly<Record<string, string>>; page?: () => Promise<unknown> } = {},
  ): Promise<T> {
    const values = jarOf(this.cookie);
    const set: [string, string, Readonly<Record<string, unknown>>][] = [];
    const jar: CookieJar = {
      get: (name) => (values.has(name) ? { value: values.get(name) ?? "" } : undefined),
      set(name, value, options) {
        values.set(name, value);
        set.push([name, value, { ...options }]);
      },
      delete: () => {},
    };
    const own = this.#headers(headers);
    try {
      return await scopes.run({ jar, headers: own }, run);
    } finally {
      this.set = set;
      for (const [name, value, { maxAge }] of set) this.cookie = maxAge === 0 ? undefined : `${name}=${value}`;
      await scopes.run({ jar: sealed(values), headers: own }, async () => page?.());
    }
  }

  /** Takes the cookies of a response. */
  keep(response: Response): Response {
    for (const line of response.headers.getSetCookie()) this.cookie = keptOf(line);
    return response;
  }

  #headers(given: Readonly<Record<string, string>>): Headers {
    return new Headers({ ...(this.cookie !== undefined && { cookie: this.cookie }), ...given });
  }
}

/** As Next reads them: decoded, and of two with one name the last. */
function jarOf(cookie = ""): Map<string, string> {
  const pairs = cookie.split("; ").filter((pair) => pair.includes("="));
  return new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), decode(pair.slice(pair.indexOf("=") + 1))]));
}

const decode = (value: string): string => decodeURIComponent(value);

function refuse(): never {
  throw new Error("Cookies can only be modified in a Server Action or Route Handler.");
}

/** One function in the place of both, as in Next. */
function sealed(values: ReadonlyMap<string, string>): CookieJar {
  return {
    get: (name) => (values.has(name) ? { value: values.get(name) ?? "" } : undefined),
    set: refuse,
    delete: refuse,
  };
}
