/** The link between a store that many share and one node: changes and proofs arrive in order, when the test says so. */
import { StoreError } from "../../../../src/errors.ts";
import type { Watch } from "../../../../src/store/store.ts";

interface Message {
  readonly arrive: () => void;
  /** What a link that breaks does with it; a change is lost. */
  readonly lose?: () => void;
}

export class HeldLink {
  #onChange: ((key: string | null) => void) | undefined;
  #sent: Message[] = [];
  #isHeld = false;
  #isCut = false;
  /** How often a proof was asked for. */
  asked = 0;
  /** How many proofs were asked for and not given at the same time, at most. */
  mostOpen = 0;
  isClosed = false;
  #open = 0;
  /** Called for each message, which arrives when the promise resolves; in order, as on a connection. */
  pause: (() => Promise<unknown>) | undefined;
  #arrivals: Promise<unknown> = Promise.resolve();

  readonly watch = (onChange: (key: string | null) => void): Watch => {
    this.#onChange = onChange;
    return {
      confirm: async () => this.#confirm(),
      close: async () => {
        this.isClosed = true;
      },
    };
  };

  /** A change was acknowledged. */
  tell(key: string): void {
    if (!this.#isCut) this.#send({ arrive: () => this.#onChange?.(key) });
  }

  /** Nothing arrives from now on; it waits. */
  hold(): void {
    this.#isHeld = true;
  }

  /** All that waits arrives. */
  release(): void {
    this.#isHeld = false;
    for (const { arrive } of this.#sent.splice(0)) arrive();
  }

  /** What is on its way is lost, and what is sent from now on. */
  cut(): void {
    this.#isCut = true;
    for (const { lose } of this.#sent.splice(0)) lose?.();
  }

  /** The link is there again, and says that it was not. */
  mend(): void {
    if (!this.#isCut) return;
    this.#isCut = false;
    this.#send({ arrive: () => this.#onChange?.(null) });
  }

  async #confirm(): Promise<void> {
    this.asked++;
    if (this.#isCut) throw new StoreError("store_unavailable", "The link is cut");
    this.mostOpen = Math.max(this.mostOpen, ++this.#open);
    try {
      await new Promise<void>((resolve, reject) =>
        this.#send({ arrive: resolve, lose: () => reject(new StoreError("store_unavailable", "The link was cut")) }),
      );
    } finally {
      this.#open--;
    }
  }

  #send(message: Message): void {
    if (this.pause !== undefined) void this.#later(message, this.pause);
    else if (this.#isHeld) this.#sent.push(message);
    else message.arrive();
  }

  async #later(message: Message, pause: () => Promise<unknown>): Promise<void> {
    this.#sent.push(message);
    const before = this.#arrivals;
    const arrival = (async () => {
      await pause();
      await before;
      // A cut may have lost it.
      if (this.#sent.includes(message)) {
        this.#sent = this.#sent.filter((other) => other !== message);
        message.arrive();
      }
    })();
    this.#arrivals = arrival;
    await arrival;
  }
}
