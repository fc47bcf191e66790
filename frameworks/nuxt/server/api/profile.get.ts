export default defineEventHandler((event) => {
  const { userId, data } = sessionOf(event);
  return { user: userId, note: data.note };
});
