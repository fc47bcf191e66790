import { isPassword } from "app-support";
import { ActionError, defineAction } from "astro:actions";
import { z } from "astro/zod";

export const server = {
  login: defineAction({
    accept: "form",
    input: z.object({ user: z.string(), password: z.string() }),
    async handler({ user, password }, { locals }) {
      if (!isPassword(password)) throw new ActionError({ code: "UNAUTHORIZED" });
      await locals.session.login(user);
    },
  }),
  logout: defineAction({
    accept: "form",
    handler: async (_, { locals }) => locals.session.logout(),
  }),
  note: defineAction({
    accept: "form",
    input: z.object({ note: z.string() }),
    handler({ note }, { locals }) {
      if (locals.session.userId !== null) locals.session.set("note", note);
    },
  }),
  rotate: defineAction({
    accept: "form",
    handler: (_, { locals }) => locals.session.rotate(),
  }),
  end: defineAction({
    accept: "form",
    input: z.object({ id: z.string() }),
    handler: async ({ id }, { locals }) => locals.session.logoutDevice(id),
  }),
};
