/** Any number of rotations, by anybody who holds any token of a session, against a model of a few lines. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ConflictError } from "../../src/errors.ts";
import { endOf, manage, modes } from "./support/managers.ts";

const GRACE = 10_000;
/** How long a step-up counts: shorter than a grace, so that exchanges come before and after its end. */
const STEP_UP = 6_000;
const MAX_RUNNING = 4;

/** One of the tokens that the session has had, by its age; and what is done with it. */
type Step =
  | { readonly call: "rotate" | "rotate for good" | "authenticate" | "step up"; readonly age: number }
  | { readonly call: "update" }
  | { readonly call: "wait"; readonly for: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    // The current token most of the time, or every run would end at once.
    {
      weight: 8,
      arbitrary: fc.record({
        call: fc.constantFrom(
          "rotate" as const,
          "rotate" as const,
          "rotate for good" as const,
          "authenticate" as const,
          "step up" as const,
        ),
        age: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.nat({ max: 8 })),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ call: "update" as const }) },
    {
      weight: 4,
      arbitrary: fc.record({ call: fc.constant("wait" as const), for: fc.integer({ min: 1, max: 12_000 }) }),
    },
  ),
  { minLength: 5, maxLength: 40 },
);

interface Known {
  readonly token: string;
  /** Until when it works, or is refused without being theft. */
  graceUntil: number;
  works: boolean;
  /** Whether it can still be exchanged for the current one. */
  leads: boolean;
}

/** Where there are more than a record has room for, the oldest that do not work are theft from now on. */
function makeRoom(known: readonly Known[], now: number): void {
  const previous = known.slice(0, -1).filter(({ graceUntil }) => now < graceUntil);
  const refused = previous.filter(({ works }) => !works);
  for (const one of refused.slice(0, Math.max(0, previous.length - MAX_RUNNING))) one.graceUntil = now;
}

test.each(modes)(
  "%s: every former token is in its grace, refused for as long, or theft, and nothing else",
  async (_, open) => {
    let longest = 0;
    await fc.assert(
      fc.asyncProperty(steps, fc.boolean(), async (given, adopted) => {
        const { sessions, clock, ends } = manage(open, { rotationGrace: GRACE, ttl: "12h" });
        const { token, id } = await sessions.create("ann", { n: 0 }, adopted ? { token: "mine" } : {});
        const known: Known[] = [{ token, graceUntil: Number.POSITIVE_INFINITY, works: true, leads: true }];
        let count = 0;
        let steppedUpUntil = 0;

        for (const step of given) {
          const now = clock.now();
          if (step.call === "wait") clock.advance(step.for);
          else if (step.call === "update") await sessions.update(id, { n: ++count });
          else {
            const which = known[known.length - 1 - (step.age % known.length)] as Known;
            const isCurrent = which === known.at(-1);
            if (now >= which.graceUntil) {
              const use = step.call === "authenticate" ? sessions.authenticate : sessions.rotate;
              expect(await use(which.token)).toBeUndefined();
              expect(ends).toEqual([endOf(id, "reuse")]);
              expect(await sessions.authenticate(known.at(-1)?.token)).toBeUndefined();
              return;
            }
            const running = known.filter(({ works, graceUntil }) => works && now < graceUntil).length - 1;
            if (!which.works) {
              const use = step.call === "authenticate" ? sessions.authenticate : sessions.rotate;
              expect(await use(which.token)).toBeUndefined();
            } else if (step.call === "authenticate") {
              // Again and again: a current one is remembered then, which must change nothing of what it is worth later.
              for (let times = 0; times < 3; times++) {
                expect(await sessions.authenticate(which.token)).toMatchObject({ id, data: { n: count } });
              }
            } else if (isCurrent && running === MAX_RUNNING) {
              await expect(async () => sessions.rotate(which.token)).rejects.toThrow(ConflictError);
            } else if (step.call === "step up" && !isCurrent) {
              expect(await sessions.reauthenticate(which.token, { rotate: true })).toBeUndefined();
            } else {
              const grace = step.call === "rotate" ? GRACE : 0;
              const made =
                step.call === "step up"
                  ? await sessions.reauthenticate(which.token, { rotate: true, for: `${STEP_UP}ms` })
                  : await sessions.rotate(which.token, { grace });
              if (!isCurrent) {
                const leads = which.leads && now >= steppedUpUntil;
                expect(made?.token).toBe(leads ? known.at(-1)?.token : undefined);
              } else {
                if (step.call === "step up") steppedUpUntil = now + STEP_UP;
                if (grace === 0) for (const one of known) one.leads = false;
                which.graceUntil = now + GRACE;
                which.works = grace > 0;
                known.push({
                  token: made?.token ?? "",
                  graceUntil: Number.POSITIVE_INFINITY,
                  works: true,
                  leads: true,
                });
                makeRoom(known, now);
                longest = Math.max(longest, known.length);
              }
            }
          }
          expect(await sessions.authenticate(known.at(-1)?.token)).toMatchObject({ id });
          expect(ends).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
    expect(longest).toBeGreaterThan(8);
  },
);
