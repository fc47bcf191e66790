export default defineEventHandler(async (event) => {
  const { id } = await readBody<{ id: string }>(event);
  await sessionOf(event).logoutDevice(id);
  return sendRedirect(event, "/devices", 303);
});
