/** Auth.js for the way to the identity provider and back. What it knows afterwards is worth a minute. */
import { Auth, skipCSRFCheck, type AuthConfig } from "@auth/core";
import { getToken } from "@auth/core/jwt";

const origin = `http://localhost:${process.env["PORT"] ?? 3_000}`;
const secret = process.env["SESSION_KEY"] ?? "a key that everybody knows, for this app only";

const config: AuthConfig = {
  secret,
  basePath: "/auth",
  trustHost: true,
  session: { strategy: "jwt", maxAge: 60 },
  providers: [
    {
      id: "idp",
      name: "The identity provider",
      type: "oauth",
      clientId: "app",
      clientSecret: "the provider gives it",
      authorization: `${origin}/idp/authorize`,
      token: `${origin}/idp/token`,
      userinfo: `${origin}/idp/userinfo`,
      checks: ["pkce", "state"],
      profile: ({ sub, name, email }) => ({ id: sub, name, email }),
    },
  ],
  callbacks: {
    // Without a database, `sub` is another one at each login.
    jwt: ({ token, account }) => (account ? { ...token, userId: account.providerAccountId } : token),
  },
};

/** Answers everything under `/auth`. */
export const authRoutes = (request: Request): Promise<Response> => Auth(request, config);

/** Sends the user to a provider, and afterwards to `/signed-in`. */
export function signIn(request: Request, provider: string): Promise<Response> {
  const headers = new Headers({ cookie: request.headers.get("cookie") ?? "" });
  const body = new URLSearchParams({ callbackUrl: "/signed-in" });
  const target = new URL(`/auth/signin/${provider}`, request.url);
  return Auth(new Request(target, { method: "POST", headers, body }), { ...config, skipCSRFCheck });
}

/** Who has come back from a provider in the last minute. */
export async function signedIn(request: Request): Promise<string | undefined> {
  // `true` where https is.
  const token = await getToken({ req: request, secret, secureCookie: false });
  return typeof token?.["userId"] === "string" ? token["userId"] : undefined;
}
