import { NextResponse, type NextRequest } from "next/server";
import { proxy } from "./lib/session";

/** Around a proxy of the application's own: a new token on request, and a page that only members see. */
export const middleware = proxy((request: NextRequest, session) => {
  const { pathname, searchParams } = request.nextUrl;
  if (searchParams.has("rotate")) session.rotate();
  if (pathname === "/members") {
    if (session.userId === null) return NextResponse.redirect(new URL("/", request.url));
    return NextResponse.rewrite(new URL("/proof/cookie", request.url));
  }
  const headers = new Headers(request.headers);
  headers.set("x-seen-by", "middleware");
  return NextResponse.next({ request: { headers } });
});

export const config = {
  runtime: "nodejs",
  matcher: [
    {
      source: "/((?!_next/static|_next/image|favicon.ico).*)",
      missing: [
        { type: "header", key: "next-router-prefetch" },
        { type: "header", key: "purpose", value: "prefetch" },
      ],
    },
  ],
};
