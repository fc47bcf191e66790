/** Requests of one browser at once, in every order that their calls of the store can come in. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { asyncStore } from "../../../src/testing/async-store.ts";
import { setUp, keptOf, tokenIn, visitor, type Visited } from "../support/visitor.ts";

type Work = "read" | "set" | "flash" | "rotate" | "login" | "logout" | "fail";

const works: readonly Work[] = ["read", "set", "set", "set", "flash", "rotate", "login", "logout", "fail"];

test(
  "logouts hold, sets that were kept are there, and each login leaves one session",
  { timeout: 120_000 },
  async () => {
    const property = fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.constantFrom(...works), { minLength: 2, maxLength: 5 }),
      async (scheduler, requests) => {
        let isScheduled = false;
        const pause = async (point: string): Promise<void> =>
          isScheduled ? scheduler.schedule(Promise.resolve(), point) : undefined;
        const on = setUp({ store: asyncStore(memoryStore(), { pause }) });
        const browser = visitor(on.web);
        const { session: first } = await browser.visit((session) => session.login("ann"));
        const cookie = browser.cookie;
        // Past the refresh window, so that one of the requests extends the session.
        on.clock.advance("2m");

        isScheduled = true;
        const answers = Promise.all(requests.map(async (work, index) => request(work, index)));
        await scheduler.waitFor(answers);
        isScheduled = false;
        const answered = await answers;

        const live = await on.sessions.get(first.id ?? "");
        const isOver = requests.some((work) => work === "logout" || work === "login");
        expect(live === undefined).toBe(isOver);
        if (live === undefined) expect((await visitor(on.web, cookie).visit()).session.userId).toBeNull();
        for (const [index, { kept }] of answered.entries()) {
          if (requests[index] === "set" && kept && live !== undefined)
            expect(live.data).toHaveProperty(`f${index}`, index);
          if (requests[index] === "set" && !isOver) expect(kept).toBe(true);
        }
        // One for each login, and one for each change by a request that came after the end of its session.
        const begun = answered.filter(({ session }) => session.isNew && session.id !== undefined);
        const logins = answered.filter(({ session }) => session.userId?.startsWith("user-") === true);
        expect(await on.sessions.count()).toBe(new Set([...begun, ...logins]).size + Number(live !== undefined));
        // A cookie that was handed out is a live session's, unless that ended, or got a new token, since.
        for (const line of answered.flatMap(({ cookies }) => cookies)) {
          const explanation = await on.sessions.explain(tokenIn(keptOf(line) ?? ""));
          const isCurrent = explanation.state === "live" && explanation.token === "current";
          expect(isCurrent || isOver || keptOf(line) === undefined || requests.includes("rotate")).toBe(true);
        }

        async function request(work: Work, index: number): Promise<Visited> {
          return visitor(on.web, cookie).visit(
            async (session) => {
              if (work === "set" || work === "fail") session.set(`f${index}`, index);
              else if (work === "flash") session.flash(`f${index}`, index);
              else if (work === "rotate") session.rotate();
              else if (work === "login") await session.login(`user-${index}`);
              else if (work === "logout") await session.logout();
            },
            { status: work === "fail" ? 500 : 200 },
          );
        }
      },
    );
    await fc.assert(property, { numRuns: 400 });
  },
);
