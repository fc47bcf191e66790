/** A small OAuth 2 provider with PKCE, in place of Google or GitHub: it knows everybody by one password. */
import { createHash, randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { isPassword } from "./pages.ts";

interface Grant {
  readonly user: string;
  readonly challenge: string;
}
/** What has been given out and not been redeemed yet. */
const grants = new Map<string, Grant>();

/**
 * The provider's routes, for what comes to `/idp/`. `POST /idp/login` takes `user` and `password`, and goes on to where
 * the application begins its dance, `start`.
 */
export function identityProvider(start: string): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    answer(request, start).then(
      ({ status, headers, body }) => response.writeHead(status, headers).end(body),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  };
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

async function answer(request: IncomingMessage, start: string): Promise<Answer> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  switch (`${request.method} ${pathname.replace(/^\/idp/, "")}`) {
    case "POST /login":
      return logIn(await readForm(request), start);
    case "GET /authorize":
      return authorize(searchParams, /\bidp=([^;]+)/.exec(request.headers.cookie ?? "")?.[1]);
    case "POST /token":
      return redeem(await readForm(request));
    case "GET /userinfo":
      return json(200, userOf((request.headers.authorization ?? "").replace(/^bearer /i, "")));
    default:
      return { status: 404 };
  }
}

function logIn(form: URLSearchParams, start: string): Answer {
  if (!isPassword(form.get("password"))) return { status: 401, body: "wrong" };
  const cookie = `idp=${encodeURIComponent(form.get("user") ?? "")}; Path=/idp; HttpOnly; SameSite=Lax`;
  return { status: 303, headers: { Location: start, "Set-Cookie": cookie } };
}

function authorize(given: URLSearchParams, user: string | undefined): Answer {
  const [state, challenge] = [given.get("state"), given.get("code_challenge")];
  if (user === undefined || challenge === null) return { status: 400, body: "Expected a login, and PKCE" };
  const code = randomUUID();
  grants.set(code, { user: decodeURIComponent(user), challenge });
  const target = new URL(given.get("redirect_uri") ?? "");
  target.searchParams.set("code", code);
  if (state !== null) target.searchParams.set("state", state);
  return { status: 302, headers: { Location: target.href } };
}

function redeem(form: URLSearchParams): Answer {
  const code = form.get("code") ?? "";
  const grant = grants.get(code);
  grants.delete(code);
  const shown = createHash("sha256")
    .update(form.get("code_verifier") ?? "")
    .digest("base64url");
  if (grant?.challenge !== shown) return json(400, { error: "invalid_grant" });
  // A real one is a secret. This one is the user.
  return json(200, { access_token: Buffer.from(grant.user).toString("base64url"), token_type: "bearer" });
}

function userOf(accessToken: string): object {
  const name = Buffer.from(accessToken, "base64url").toString();
  return { sub: name, name, email: `${name}@idp.example` };
}

const json = (status: number, body: object): Answer => ({
  status,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return new URLSearchParams(text);
}
