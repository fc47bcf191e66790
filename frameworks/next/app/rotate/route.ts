import { withSession } from "../../lib/session";

export const POST = (request: Request) =>
  withSession(request, (session) => {
    session.rotate();
    return new Response(null, { status: 303, headers: { location: "/" } });
  });
