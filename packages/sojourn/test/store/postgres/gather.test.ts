/** Calls that go together are calls of their own to those who make them. */
import { setImmediate } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { BY_ITSELF, gather } from "../../../src/store/postgres/gather.ts";
import type { Sending } from "../../../src/store/postgres/postgres-port.ts";

/** A call whose caller can be told that it failed. */
class Call implements Sending {
  isOver = false;
  isSent = false;
  readonly overs: (() => void)[] = [];
  sent(): void {
    this.isSent = true;
  }
  onOver(run: () => void): void {
    this.overs.push(run);
  }
  giveUp(): void {
    this.isOver = true;
    for (const run of this.overs) run();
  }
}

interface Made {
  readonly asked: string | readonly string[];
  readonly sending: Sending;
  resolve(answers?: readonly ((() => string) | typeof BY_ITSELF)[]): void;
  reject(error: unknown): void;
}

function corrupt(): string {
  throw new Error("corrupt");
}

describe("calls that are gathered", () => {
  /** What went to the server, in order. */
  let made: Made[];
  let call: (asked: string, sending?: Sending) => Promise<string>;
  beforeEach(() => {
    made = [];
    const make = gather<string, string>({
      alone: async (asked, sending) =>
        new Promise((resolve, reject) => {
          made.push({ asked, sending, resolve: () => resolve(`${asked} alone`), reject });
        }),
      together: async (asked, sending) =>
        new Promise((resolve, reject) => {
          const answers = asked.map((each) => () => `${each} together`);
          made.push({ asked, sending, resolve: (read = answers) => resolve(read), reject });
        }),
    });
    call = async (asked, sending = new Call()) => make(asked, sending);
  });
  const asked = (): (string | readonly string[])[] => made.map((each) => each.asked);

  test("go at once and alone, if none is on its way", async () => {
    const first = call("a");
    expect(asked()).toEqual(["a"]);
    made[0]!.resolve();
    expect(await first).toBe("a alone");
    void call("b");
    expect(asked()).toEqual(["a", "b"]);
  });

  test("go together at the end of the turn, if one is on its way", async () => {
    void call("a");
    const others = [call("b"), call("c"), call("b")];
    expect(asked()).toEqual(["a"]);
    await setImmediate();
    expect(asked()).toEqual(["a", ["b", "c", "b"]]);
    made[1]!.resolve();
    expect(await Promise.all(others)).toEqual(["b together", "c together", "b together"]);
  });

  test("go alone, if only one has waited", async () => {
    void call("a");
    const other = call("b");
    await setImmediate();
    expect(asked()).toEqual(["a", "b"]);
    made[1]!.resolve();
    expect(await other).toBe("b alone");
  });

  test("go in parts of at most 32, none of which is much shorter", async () => {
    for (let n = 0; n < 71; n++) void call(`${n}`);
    await setImmediate();
    expect(asked().map((each) => each.length)).toEqual([1, 24, 24, 22]);
  });

  test("are not sent once their callers have given up", async () => {
    void call("a");
    const [b, c] = [new Call(), new Call()];
    void call("b", b);
    void call("c", c);
    void call("d");
    b.giveUp();
    await setImmediate();
    expect(asked()).toEqual(["a", ["c", "d"]]);
    made[1]!.sending.sent();
    expect([b.isSent, c.isSent]).toEqual([false, true]);
  });

  test("are given up together when the last of their callers has", async () => {
    void call("a");
    const [b, c] = [new Call(), new Call()];
    void call("b", b);
    void call("c", c);
    await setImmediate();
    const { sending } = made[1]!;
    let isGivenUp = false;
    sending.onOver(() => (isGivenUp = true));
    b.giveUp();
    expect([isGivenUp, sending.isOver]).toEqual([false, false]);
    c.giveUp();
    expect([isGivenUp, sending.isOver]).toEqual([true, true]);
  });

  test("go by themselves, if they could not be made with the others", async () => {
    void call("a");
    const others = [call("b"), call("c")];
    await setImmediate();
    made[1]!.resolve([BY_ITSELF, () => "c together"]);
    expect(await others[1]).toBe("c together");
    expect(asked()).toEqual(["a", ["b", "c"], "b"]);
    made[2]!.resolve();
    expect(await others[0]).toBe("b alone");
  });

  test("go by themselves, if the server refuses them together", async () => {
    void call("a");
    const others = [call("b"), call("c")];
    await setImmediate();
    made[1]!.reject(Object.assign(new Error("damaged"), { code: "XX001" }));
    await setImmediate();
    expect(asked()).toEqual(["a", ["b", "c"], "b", "c"]);
    made[2]!.reject(new Error("damaged"));
    made[3]!.resolve();
    await expect(others[0]).rejects.toThrow("damaged");
    expect(await others[1]).toBe("c alone");
  });

  test("fail together, if it is not known what has become of them", async () => {
    void call("a");
    const others = [call("b"), call("c")];
    await setImmediate();
    made[1]!.reject(new Error("Connection terminated unexpectedly"));
    for (const other of others) await expect(other).rejects.toThrow("Connection terminated unexpectedly");
    expect(asked()).toEqual(["a", ["b", "c"]]);
  });

  test("fail alone, if only their own answer cannot be read", async () => {
    void call("a");
    const others = [call("b"), call("c")];
    await setImmediate();
    made[1]!.resolve([corrupt, () => "c together"]);
    await expect(others[0]).rejects.toThrow("corrupt");
    expect(await others[1]).toBe("c together");
  });
});
