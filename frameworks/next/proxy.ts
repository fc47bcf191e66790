export { proxy } from "./lib/session";

export const config = {
  matcher: [{ source: "/((?!_next/|favicon.ico).*)", missing: [{ type: "header", key: "next-router-prefetch" }] }],
};
