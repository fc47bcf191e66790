import { redirect } from "react-router";
import { session } from "../session.server.ts";
import type { Route } from "./+types/note";

/** A resource route: React Router checks no origin here, so that our answer to another site's form is seen. */
export async function action({ context, request }: Route.ActionArgs) {
  const form = await request.formData();
  const own = session.of(context);
  if (own.userId !== null) own.set("note", String(form.get("note")));
  return redirect("/");
}
