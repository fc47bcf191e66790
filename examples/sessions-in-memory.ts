/**
 * Sessions as a library, in memory: every call returns its value at once. Run it with `node examples/sessions-in-memory.ts`
 * after `npm run build`.
 */
import { createSessions } from "sojourn";
import { manualClock } from "sojourn/testing";

// A clock that we can move, to see time pass. An application leaves this out.
const clock = manualClock();
const sessions = createSessions<{ role: string; visits: number }>({
  ttl: "30m",
  absoluteTtl: "12h",
  maxPerUser: { limit: 2, onLimit: "evict-oldest" },
  clock,
});
sessions.on("ended", ({ session, reason }) => console.log(`${session.userId}'s session ended: ${reason}`));

const laptop = sessions.create("ann", { role: "admin", visits: 1 });
console.log("logged in as", sessions.authenticate(laptop.token)?.userId);

sessions.update(laptop.id, (data) => ({ ...data, visits: data.visits + 1 }));
console.log("visits:", sessions.get(laptop.id)?.data.visits);

// A change of privilege: a new token for the same session. The old one works for ten more seconds.
const rotated = sessions.rotate(laptop.token);
console.log("same session:", rotated?.id === laptop.id, "new token:", rotated?.token !== laptop.token);

// Activity extends the session, within its absolute lifetime.
clock.advance("20m");
sessions.authenticate(rotated?.token);
clock.advance("20m");
console.log("still live:", sessions.authenticate(rotated?.token) !== undefined);

// A third device: the oldest session makes room.
const phone = sessions.create("ann", { role: "admin", visits: 1 });
sessions.create("ann", { role: "admin", visits: 1 });
console.log("ann's sessions:", sessions.listByUser("ann").length);

// Ann changes her password on the phone: every other session ends.
sessions.destroyByUser("ann", { except: phone.id });
console.log("live:", sessions.count());

// Nobody comes back for half an hour.
clock.advance("30m");
console.log("live:", sessions.count(), "reclaimed:", sessions.cleanup());
