import { NextResponse, type NextRequest } from "next/server";
import { proxy } from "./session";

export default proxy((request: NextRequest, session) => {
  if (request.nextUrl.pathname === "/members" && session.userId === null) {
    return NextResponse.redirect(new URL("/", request.url));
  }
});
