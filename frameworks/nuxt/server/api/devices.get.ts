export default defineEventHandler(async (event) => sessionOf(event).devices());
