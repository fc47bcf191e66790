export default defineEventHandler(async (event) => {
  await sessionOf(event).logout();
  return sendRedirect(event, "/", 303);
});
