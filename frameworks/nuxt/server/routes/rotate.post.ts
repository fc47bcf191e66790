export default defineEventHandler((event) => {
  sessionOf(event).rotate();
  return sendRedirect(event, "/", 303);
});
