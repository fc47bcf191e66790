/** What a client may rely on after its server was killed: each session's fate, as far as it was acknowledged. */

/** `unknown`: a request was on its way when the server was killed, and it may have been carried out or not. */
export type Fate = "unknown" | "live" | "gone";

/** Keeps account of sessions, and compares it with what a server says. */
export interface Ledger {
  /** How many requests were acknowledged. */
  readonly acknowledged: number;
  /** How many requests the kills left without an answer. */
  readonly unanswered: number;
  /** Records that a request goes out, and what holds once it is acknowledged. */
  begin(token: string): void;
  acknowledge(token: string, fate: "live" | "gone"): void;
  /** A token that was acknowledged as live and begins with a prefix, if there is one. */
  anyLive(prefix: string): string | undefined;
  /** The tokens that were touched since the last call. */
  takeTouched(): readonly string[];
  all(): readonly string[];
  /** What is wrong with an answer of `GET /sessions/:token`; settles a fate that was unknown. */
  compare(token: string, answer: string): string | undefined;
  /** How many sessions are live. Exact once all fates are settled. */
  live(): number;
}

/** @param userOf whose session a token's is */
export function ledger(userOf: (token: string) => string): Ledger {
  const fates = new Map<string, Fate>();
  const live = new Set<string>();
  let touched = new Set<string>();
  const counts = { begun: 0, acknowledged: 0 };
  const settle = (token: string, fate: Fate): void => {
    fates.set(token, fate);
    if (fate === "live") live.add(token);
    else live.delete(token);
  };
  return {
    get acknowledged() {
      return counts.acknowledged;
    },
    get unanswered() {
      return counts.begun - counts.acknowledged;
    },
    begin: (token) => {
      counts.begun++;
      touched.add(token);
      settle(token, "unknown");
    },
    acknowledge: (token, fate) => {
      counts.acknowledged++;
      settle(token, fate);
    },
    anyLive: (prefix) => {
      for (const token of live) if (token.startsWith(prefix)) return token;
      return undefined;
    },
    takeTouched: () => {
      const taken = [...touched];
      touched = new Set();
      return taken;
    },
    all: () => [...fates.keys()],
    compare: (token, answer) => {
      const fate = fates.get(token);
      const said = answer === "404 " ? "gone" : answer === `200 "${userOf(token)}"` ? "live" : undefined;
      if (said === undefined || (fate !== "unknown" && said !== fate)) return `${token} should be ${fate}: ${answer}`;
      settle(token, said);
      return undefined;
    },
    live: () => live.size,
  };
}
