/**
 * The calls of one request's session on an asynchronous store: each is made when those before it have ended, as if they
 * had been awaited, and the commit waits for all of them. So a forgotten `await` loses nothing.
 */
import { run, wait, type Mode, type Reply, type Steps } from "../../store/reply.ts";

interface Call {
  readonly ended: Promise<void>;
  readonly end: () => void;
  reply?: Promise<unknown>;
}

export class CallQueue {
  readonly #calls = new Set<Call>();

  get isEmpty(): boolean {
    return this.#calls.size === 0;
  }

  /** Makes a call in its turn. What it returns is the very promise that `ended` looks after. */
  run<M extends Mode, T>(mode: M, steps: Steps<T>): Reply<M, T> {
    const calls = this.#calls;
    const before = [...calls].at(-1);
    const call = startedCall();
    calls.add(call);
    const reply = run(mode, inTurn(steps, { calls, call, before }));
    call.reply = reply as Promise<T>;
    return reply;
  }

  /** Resolves when every call has ended. @throws what the first of them that fails throws: nobody else may look at it */
  async ended(): Promise<void> {
    while (!this.isEmpty) {
      const results = await Promise.allSettled([...this.#calls].map(async ({ reply }) => reply));
      for (const result of results) if (result.status === "rejected") throw result.reason;
    }
  }
}

interface Turn {
  readonly calls: Set<Call>;
  readonly call: Call;
  readonly before: Call | undefined;
}

function* inTurn<T>(steps: Steps<T>, { calls, call, before }: Turn): Steps<T> {
  try {
    // Not its reply: whether that one fails is for its own caller to see.
    if (before !== undefined) yield* wait<"async", void>(before.ended);
    return yield* steps;
  } finally {
    calls.delete(call);
    call.end();
  }
}

function startedCall(): Call {
  const call: { -readonly [Key in keyof Call]?: Call[Key] } = {};
  call.ended = new Promise((resolve) => (call.end = resolve));
  return call as Call;
}
