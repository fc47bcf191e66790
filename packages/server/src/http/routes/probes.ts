/** Whether the process runs, and whether it can serve: for what starts and stops it, and sends it requests. */
import type { Mode, Sessions } from "sojourn";
import { answer, Refusal } from "../answer.ts";
import type { Handler, Route } from "../router.ts";

/** Options of {@link probeRoutes}. */
export interface ProbeRoutesOptions {
  readonly sessions: Pick<Sessions<Record<string, unknown>, Mode>, "count">;
  readonly isStopping: () => boolean;
}

export function probeRoutes({ sessions, isStopping }: ProbeRoutesOptions): readonly Route[] {
  const ready: Handler = async () => {
    if (isStopping()) throw new Refusal(503, "The server is stopping");
    // The cheapest question that reaches the store.
    await sessions.count();
    return answer(200, "ready");
  };
  return [
    { path: "/healthz", GET: () => answer(200, "ok") },
    { path: "/readyz", GET: ready },
  ];
}
