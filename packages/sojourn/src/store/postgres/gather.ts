/**
 * Calls of one turn of the event loop, made by one statement.
 *
 * A statement costs the server and this process much more than a row of it does: a message each way, a plan, and a commit
 * if it writes. So what is asked while others are on their way waits until the turn ends, and goes together. What is
 * asked while none is goes at once, by itself, so that nobody waits who is alone.
 *
 * To its caller each is a call of its own. It has its own deadline, and no part in what happens to the others: one that
 * somebody holds up is left out and made by itself, and if the server refuses the statement, so is each of them.
 */
import { setImmediate } from "node:timers";
import { isFromServer } from "./postgres-fault.ts";
import type { Sending } from "./postgres-port.ts";

/** The answer to a call that has to be made by itself. */
export const BY_ITSELF: unique symbol = Symbol("by itself");

/** How calls of a kind are made. */
export interface Making<Asked, Answer> {
  alone(asked: Asked, sending: Sending): Promise<Answer>;
  /**
   * Makes several; it must not wait for what holds up one of them. Answers, in their order, with how the answer to each is
   * read, which may throw for that one.
   */
  together(asked: readonly Asked[], sending: Sending): Promise<readonly ((() => Answer) | typeof BY_ITSELF)[]>;
}

/** How many go together at most: one more is then hardly cheaper, and another connection can make them meanwhile. */
const MOST = 32;

interface Waiting<Asked, Answer> {
  readonly asked: Asked;
  readonly sending: Sending;
  readonly resolve: (answer: Answer | Promise<Answer>) => void;
  readonly reject: (error: unknown) => void;
}

export function gather<Asked, Answer>({
  alone,
  together,
}: Making<Asked, Answer>): (asked: Asked, sending: Sending) => Promise<Answer> {
  let onTheirWay = 0;
  let waiting: Waiting<Asked, Answer>[] = [];

  async function goAlone(asked: Asked, sending: Sending): Promise<Answer> {
    onTheirWay++;
    try {
      return await alone(asked, sending);
    } finally {
      onTheirWay--;
    }
  }

  function flush(): void {
    const all = waiting.filter(({ sending }) => !sending.isOver);
    waiting = [];
    // In parts of one size: the last one would be short else, and the first ones long.
    const size = Math.ceil(all.length / Math.ceil(all.length / MOST));
    for (let from = 0; from < all.length; from += size) void go(all.slice(from, from + size));
  }

  async function go(group: readonly Waiting<Asked, Answer>[]): Promise<void> {
    const byItself = ({ asked, sending, resolve }: Waiting<Asked, Answer>): void => resolve(goAlone(asked, sending));
    if (group.length === 1) return byItself(group[0]!);
    onTheirWay++;
    try {
      const asked = group.map((each) => each.asked);
      const answers = await together(asked, allOf(group));
      for (const [index, each] of group.entries()) {
        const read = answers[index]!;
        if (read === BY_ITSELF) byItself(each);
        else settle(each, read);
      }
    } catch (error) {
      // What the server has refused has changed nothing; of everything else that is not known.
      for (const each of group) {
        if (isFromServer(error)) byItself(each);
        else each.reject(error);
      }
    } finally {
      onTheirWay--;
    }
  }

  return async (asked, sending) => {
    if (onTheirWay === 0) return goAlone(asked, sending);
    return new Promise((resolve, reject) => {
      if (waiting.push({ asked, sending, resolve, reject }) === 1) setImmediate(flush);
    });
  };
}

function settle<Answer>({ resolve, reject }: Waiting<unknown, Answer>, read: () => Answer): void {
  try {
    resolve(read());
  } catch (error) {
    reject(error);
  }
}

/** Several calls as one: it is over when all of them are. */
function allOf(calls: readonly { readonly sending: Sending }[]): Sending {
  return {
    get isOver() {
      return calls.every(({ sending }) => sending.isOver);
    },
    sent() {
      for (const { sending } of calls) sending.sent();
    },
    onOver(run) {
      let left = calls.length;
      for (const { sending } of calls) sending.onOver(() => --left === 0 && run());
    },
  };
}
