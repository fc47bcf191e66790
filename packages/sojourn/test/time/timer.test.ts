import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { manualClock } from "../../src/time/manual-clock.ts";
import { manualTimer } from "../../src/time/manual-timer.ts";
import { isWithin, moment } from "../../src/time/moment.ts";

describe("a manual timer", () => {
  test("runs what is due, in order, each at its time, also what is begun on the way", () => {
    const timer = manualTimer();
    const ran: string[] = [];
    const note = (name: string) => (): void => void ran.push(`${name} at ${timer.elapsed()}`);
    timer.after(30, note("late"));
    timer.after(10, () => {
      note("early")();
      timer.after(5, note("between"));
    });
    timer.after(20, note("never"))();
    expect(timer.waiting).toBe(2);
    timer.advance(9);
    expect(ran).toEqual([]);
    timer.advance("100ms");
    expect(ran).toEqual(["early at 10", "between at 15", "late at 30"]);
    expect(timer.elapsed()).toBe(109);
    expect(timer.waiting).toBe(0);
  });
});

describe("the system's timer", () => {
  test("keeps a process alive for what somebody waits for, and not for what runs in the background", () => {
    const file = fileURLToPath(new URL("../../src/time/timer.ts", import.meta.url));
    const script = `
      import { systemTimer } from ${JSON.stringify(file)};
      systemTimer.after(600_000, () => {}, { background: true });
      systemTimer.after(5, () => console.log("called off"))();
      systemTimer.after(10, () => console.log("waited for"));`;
    const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", script], {
      encoding: "utf8",
      timeout: 20_000,
    });
    expect(printed).toBe("waited for\n");
  });
});

/** Whether it is certain that less than 200 ms have passed, when the two clocks say so much. */
function passed(elapsed: number, date: number): boolean {
  const timer = manualTimer();
  const clock = manualClock();
  const from = moment(timer, clock);
  timer.advance(elapsed);
  clock.set(clock.now() + date);
  return isWithin(200, from, moment(timer, clock));
}

describe("how long ago a moment was", () => {
  test.each([
    ["both agree", 199, 199, true],
    ["both agree", 200, 200, false],
    ["the machine slept, and the timer with it", 10, 3_600_000, false],
    ["the date was set forward", 10, 210, false],
    ["the date was set back", 10, -3_600_000, false],
    ["the date was set back a little, and cannot tell of a short sleep", 100, 50, false],
  ] as const)("%s: %d ms by one and %d ms by the other", (_, elapsed, date, expected) => {
    expect(passed(elapsed, date)).toBe(expected);
  });
});
