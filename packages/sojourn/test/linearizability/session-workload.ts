/** Clients of sessions that log in, read, change and log out under one token. */
import type { Session } from "../../src/sessions/session.ts";
import type { Sessions } from "../../src/sessions/sessions.ts";
import type { Mode } from "../../src/store/reply.ts";
import type { Call, Perform, Workload } from "./race.ts";

export interface SessionOperation {
  readonly call: "create" | "update" | "destroy" | "get";
  /** Unique to the operation; what it writes. */
  readonly mark: string;
}

/** What was seen: the version and the mark of the session, `""` for none; of a destroy, whether there was one. */
export interface SessionAnswer {
  readonly saw?: string;
  readonly done?: boolean;
}

/** The data of the sessions: who wrote it. */
export interface Written {
  readonly by: string;
}

export type SessionCall = Call<SessionOperation, SessionAnswer>;

/** The state is the session's version and who wrote it, such as `"3 c1.7"`; `""` for none. */
export const sessionWorkload: Workload<SessionOperation, SessionAnswer, string> = {
  model: { start: "", nameOf: (state) => state, step },
  choose: (random, mark) => ({
    call: random.pick(["create", "create", "update", "update", "update", "destroy", "get", "get"]),
    mark,
  }),
};

function step(state: string, { operation: { call, mark }, answer }: SessionCall): string | undefined {
  const isThere = state !== "";
  switch (call) {
    case "get":
      return answer === undefined || answer.saw === state ? state : undefined;
    case "destroy":
      return answer === undefined || answer.done === isThere ? "" : undefined;
    case "create":
      return after(`1 ${mark}`, answer);
    case "update":
    default:
      return after(isThere ? `${Number(state.split(" ")[0]) + 1} ${mark}` : "", answer);
  }
}

function after(state: string, answer: SessionAnswer | undefined): string | undefined {
  return answer === undefined || answer.saw === state ? state : undefined;
}

/** Makes the calls on the session of a token that the caller brings. */
export function onSessions(
  sessions: Sessions<Written, Mode>,
  { token, id }: { readonly token: string; readonly id: string },
): Perform<SessionOperation, SessionAnswer> {
  const saw = (session: Session<Written> | undefined): string =>
    session === undefined ? "" : `${session.version} ${session.data.by}`;
  return async ({ call, mark }) => {
    switch (call) {
      case "create":
        return { saw: saw(await sessions.create("ann", { by: mark }, { token })) };
      case "get":
        return { saw: saw(await sessions.get(id)) };
      case "destroy":
        return { done: await sessions.destroy(id) };
      case "update":
      default:
        return { saw: saw(await sessions.update(id, () => ({ by: mark }))) };
    }
  };
}
