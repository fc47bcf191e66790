import { setTimeout as pause } from "node:timers/promises";

export default defineEventHandler(async (event) => {
  await pause(Number(getQuery(event)["ms"]));
  return sessionOf(event).userId ?? "nobody";
});
