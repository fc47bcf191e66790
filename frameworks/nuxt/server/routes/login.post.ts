import { isPassword } from "app-support";

export default defineEventHandler(async (event) => {
  const form = await readBody<{ user: string; password: string }>(event);
  if (!isPassword(form.password)) throw createError({ statusCode: 401 });
  await sessionOf(event).login(form.user);
  return sendRedirect(event, "/", 303);
});
