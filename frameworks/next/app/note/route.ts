import { withSession } from "../../lib/session";

export const POST = (request: Request) =>
  withSession(request, async (session) => {
    const form = await request.formData();
    if (session.userId !== null) session.set("note", String(form.get("note")));
    return new Response(null, { status: 303, headers: { location: "/" } });
  });
