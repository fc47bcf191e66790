export default defineEventHandler(async (event) => {
  const { note } = await readBody<{ note: string }>(event);
  const own = sessionOf(event);
  if (own.userId !== null) own.set("note", note);
  return sendRedirect(event, "/", 303);
});
