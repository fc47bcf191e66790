/**
 * The calls of one request's session on an asynchronous store: each is made when those before it have ended, as if they
 * had been awaited, and the commit waits for all of them. So a forgotten `await` loses nothing: not a login, whose
 * cookie would be missing, and not a failure, which nobody else will look at.
 */
import { run, wait, type Steps } from "../../store/reply.ts";

interface Call {
  readonly ended: Promise<void>;
  readonly end: () => void;
  reply?: CallReply<unknown>;
}

/**
 * What a call returns: a promise that knows whether anybody has looked at it. A failure that somebody has is theirs; one
 * that nobody has is the commit's, and no unhandled rejection, which would end the process.
 */
class CallReply<T> extends Promise<T> {
  isAwaited = false;

  /** What is made of it is an ordinary promise. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- `await` calls it, which is what has to be known
  override then<Kept = T, Caught = never>(
    kept?: ((value: T) => Kept | PromiseLike<Kept>) | null,
    caught?: ((reason: unknown) => Caught | PromiseLike<Caught>) | null,
  ): Promise<Kept | Caught> {
    this.isAwaited = true;
    return super.then(kept, caught);
  }

  /** Waits for it as nobody's look. */
  watch(kept: () => unknown, failed: (reason: unknown) => unknown): void {
    void super.then(kept, failed);
  }
}

export class CallQueue {
  readonly #calls = new Set<Call>();
  /** Those that have failed, with their reasons. Some may have been awaited. */
  readonly #failed = new Map<CallReply<unknown>, unknown>();

  /** Whether a commit has nothing to wait for, and no failure to tell. */
  get isEmpty(): boolean {
    return this.#calls.size === 0 && this.#unseen() === undefined;
  }

  /** Makes a call in its turn. */
  run<T>(steps: Steps<T>): Promise<T> {
    const calls = this.#calls;
    const before = [...calls].at(-1);
    const call = startedCall();
    calls.add(call);
    const made = run("async", inTurn(steps, call, before));
    const reply = new CallReply<T>((resolve) => resolve(made));
    call.reply = reply;
    // Here and not at the call's end, or a commit between the two would find neither the call nor its failure.
    reply.watch(
      () => calls.delete(call),
      (reason) => {
        calls.delete(call);
        this.#failed.set(reply, reason);
      },
    );
    return reply;
  }

  /** Resolves when every call has ended. @throws what the first one throws that failed and was not awaited */
  async ended(): Promise<void> {
    while (this.#calls.size > 0) {
      const replies = [...this.#calls].map(({ reply }) => new Promise<void>((end) => reply?.watch(end, () => end())));
      await Promise.all(replies);
    }
    const unseen = this.#unseen();
    if (unseen === undefined) return;
    this.#failed.clear();
    throw unseen.reason;
  }

  #unseen(): { readonly reason: unknown } | undefined {
    for (const [reply, reason] of this.#failed) if (!reply.isAwaited) return { reason };
    return undefined;
  }
}

function* inTurn<T>(steps: Steps<T>, call: Call, before: Call | undefined): Steps<T> {
  try {
    // Not its reply: whether that one fails is for its own caller to see.
    if (before !== undefined) yield* wait<"async", void>(before.ended);
    return yield* steps;
  } finally {
    call.end();
  }
}

function startedCall(): Call {
  const call: { -readonly [Key in keyof Call]?: Call[Key] } = {};
  call.ended = new Promise((resolve) => (call.end = resolve));
  return call as Call;
}
