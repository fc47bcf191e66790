import { isPassword } from "app-support";
import { fail, redirect } from "@sveltejs/kit";
import type { Actions, PageServerLoad } from "./$types";

export const load: PageServerLoad = ({ locals }) => ({
  user: locals.session.userId,
  note: locals.session.get("note"),
});

export const actions: Actions = {
  async login({ locals, request }) {
    const form = await request.formData();
    if (!isPassword(form.get("password"))) return fail(401, { wrong: true });
    await locals.session.login(String(form.get("user")));
    redirect(303, "/");
  },
  async logout({ locals }) {
    await locals.session.logout();
    redirect(303, "/");
  },
  async note({ locals, request }) {
    const form = await request.formData();
    if (locals.session.userId !== null) locals.session.set("note", String(form.get("note")));
    return { kept: true };
  },
  rotate({ locals }) {
    locals.session.rotate();
  },
};
