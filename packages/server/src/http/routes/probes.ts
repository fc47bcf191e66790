/** Health probes: whether the process runs, and whether it can serve. */
import type { Mode, Sessions } from "sojourn";
import { answer, Refusal } from "../answer.ts";
import type { Asked } from "../asked.ts";
import type { Handler, Route } from "../router.ts";

/** The id of a session that is not there: minted at random, it would be 128 zero bits in a row. */
const NOBODY = `sess_${"A".repeat(22)}`;

/** Options of {@link probeRoutes}. */
export interface ProbeRoutesOptions {
  readonly sessions: Pick<Sessions<Record<string, unknown>, Mode>, "get">;
  readonly isStopping: () => boolean;
  /** Whether the gate is asked for them as well. */
  readonly isProtected: boolean;
}

export function probeRoutes({ sessions, isStopping, isProtected }: ProbeRoutesOptions): readonly Route[] {
  const ready: Handler<Asked> = async () => {
    if (isStopping()) throw new Refusal(503, "The server is stopping");
    // Absence is never answered from a copy, so this reaches the store; and it costs the same however much is in there.
    await sessions.get(NOBODY);
    return answer(200, "ready");
  };
  return [
    { path: "/healthz", GET: () => answer(200, "ok"), isOpen: !isProtected },
    { path: "/readyz", GET: ready, isOpen: !isProtected },
  ];
}
