/**
 * Workers that log one user in, rotate, and log the user out everywhere, each by a clock that is off by up to a day and
 * steps. What they must see is what `destroyByUser` promises: it ends every session, and refuses each login that began
 * before it was called; logins that begin after it has resolved are let in.
 *
 * A login is two steps in the order of all calls: it begins, and it is stored. `create` without a `begun` begins within
 * the part of the call that runs before it returns a promise, so a history has that part as a call of its own.
 *
 * Here no server is killed: every call has an answer.
 */
import { RevokedError } from "../../src/errors.ts";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import type { Begun, Store } from "../../src/store/store.ts";
import type { Clock } from "../../src/time/clock.ts";
import type { SequentialModel } from "./checker.ts";
import { instant, type Call, type Perform, type Workload } from "./race.ts";
import { random } from "./random.ts";

export interface RevocationOperation {
  readonly call: "begin" | "create" | "createBegun" | "end" | "authenticate" | "rotate" | "replay" | "list" | "step";
  /** Unique to the operation: the name of the beginning, or of the session, that it makes. */
  readonly mark: string;
  /** Which of its sessions or beginnings a worker takes, and by how much its clock steps. */
  readonly chance: number;
}

export interface RevocationAnswer {
  /** The session that was asked for, or the beginning that a login had; none if the worker had none. */
  readonly of?: string | undefined;
  /** Whether the session was there, or the login let in. */
  readonly done?: boolean;
  /** When a login without a `begun` had begun, at the latest. */
  readonly begunBy?: number;
  /** How many sessions were ended. */
  readonly count?: number;
  /** The marks of all sessions, sorted. */
  readonly saw?: readonly string[];
}

export type RevocationCall = Call<RevocationOperation, RevocationAnswer>;

/**
 * What a beginning is worth: `"sure"` to be let in, `"maybe"` if its worker may not have heard of the last end yet. With
 * an `"old "` its worker's clock has stepped since: it may be refused for its age, without the store being asked.
 */
type Worth = "sure" | "maybe" | "refused" | "old maybe" | "old refused";

interface State {
  /** The marks of the sessions, sorted. */
  readonly live: readonly string[];
  readonly begun: Readonly<Record<string, Worth>>;
  /** The workers that know of the last end. */
  readonly aware: readonly number[];
}

/** What a worker does; the model is for stores with `exactOrder`. */
export const revocationWorkload: Workload<RevocationOperation, RevocationAnswer, State> = {
  model: revocationModel(true),
  choose: (from, mark) => ({ call: from.pick(CALLS), mark, chance: from.under(2 ** 32) }),
};

/** How often a worker makes each call. */
const SHARES = {
  begin: 4,
  create: 5,
  createBegun: 4,
  end: 1,
  authenticate: 2,
  rotate: 5,
  replay: 2,
  list: 2,
  step: 1,
} satisfies Record<RevocationOperation["call"], number>;
const CALLS = Object.entries(SHARES).flatMap(([call, share]) => Array<string>(share).fill(call)) as [
  RevocationOperation["call"],
  ...RevocationOperation["call"][],
];

/**
 * The promise as a machine.
 *
 * @param exactOrder whether a login that begins after an end is always let in; else a worker may be refused until it has
 *   been refused once, and what began before its clock stepped may be
 */
export function revocationModel(exactOrder: boolean): SequentialModel<State, RevocationCall> {
  return { start: { live: [], begun: {}, aware: [] }, nameOf: (state) => JSON.stringify(state), step };

  function step(state: State, { client, operation: { call, mark }, answer }: RevocationCall): State | undefined {
    const isThere = answer?.of !== undefined && state.live.includes(answer.of);
    switch (call) {
      case "begin": {
        const worth = exactOrder || state.aware.includes(client) ? "sure" : "maybe";
        return { ...state, begun: sorted({ ...state.begun, [mark]: worth }) };
      }
      case "create":
      case "createBegun":
        return answer?.of === undefined ? state : login(state, { client, mark, of: answer.of, done: answer.done });
      case "end": {
        if (answer?.count !== state.live.length) return undefined;
        const begun = mapWorth(state.begun, (_, worth) => (worth.startsWith("old") ? "old refused" : "refused"));
        return { live: [], begun, aware: [client] };
      }
      case "list":
        return answer?.saw?.join() === state.live.join() ? state : undefined;
      case "replay":
        if (answer?.done !== false) return undefined;
        return { ...state, live: state.live.filter((each) => each !== answer.of) };
      case "step":
        return exactOrder ? state : { ...state, begun: aged(state.begun, client) };
      case "authenticate":
      case "rotate":
      default:
        return answer?.done === isThere ? state : undefined;
    }
  }
}

function login(
  state: State,
  { client, mark, of, done }: { client: number; mark: string; of: string; done: boolean | undefined },
): State | undefined {
  const { [of]: worth, ...rest } = state.begun;
  // It cannot be stored before it has begun.
  if (worth === undefined || done === undefined) return undefined;
  if (done ? worth.endsWith("refused") : worth === "sure") return undefined;
  // What began within the call is of no use to another.
  const begun = of === mark ? rest : state.begun;
  const isSame = state.aware.includes(client) || (!done && worth.startsWith("old"));
  const aware = isSame ? state.aware : [...state.aware, client].toSorted((a, b) => a - b);
  return { live: done ? [...state.live, mark].toSorted() : state.live, begun, aware };
}

function aged(begun: State["begun"], client: number): State["begun"] {
  return mapWorth(begun, (mark, worth) => {
    if (mark.split(".")[1] !== `${client}`) return worth;
    return worth.endsWith("refused") ? "old refused" : "old maybe";
  });
}

function mapWorth(begun: State["begun"], change: (mark: string, worth: Worth) => Worth): State["begun"] {
  return Object.fromEntries(Object.entries(begun).map(([mark, worth]) => [mark, change(mark, worth)]));
}

function sorted(begun: State["begun"]): State["begun"] {
  return Object.fromEntries(Object.entries(begun).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** A history in which the beginnings within a `create` are calls of their own, and those that no login had are left out. */
export function withBeginnings(calls: readonly RevocationCall[]): RevocationCall[] {
  const used = new Set(
    calls.filter(({ operation }) => operation.call === "createBegun").map(({ answer }) => answer?.of),
  );
  return calls.flatMap((call) => {
    const { begunBy } = call.answer ?? {};
    if (call.operation.call === "begin" && !used.has(call.operation.mark)) return [];
    if (begunBy === undefined) return [call];
    return [{ ...call, operation: { ...call.operation, call: "begin" }, answered: begunBy }, call];
  });
}

const DAY = 86_400_000;

/** The clock of a worker: the machine's, and off by up to a day. */
export interface WorkerClock extends Clock {
  step(chance: number): void;
}

export function workerClock(): WorkerClock {
  let off = 0;
  return {
    now: () => Date.now() + off,
    step(chance) {
      off = random(chance).under(2 * DAY) - DAY;
    },
  };
}

/** What a worker keeps of a session: all tokens that it has had, the last of which is the current one. */
interface Own {
  readonly mark: string;
  readonly tokens: string[];
}

/** A worker over a store. */
export function onRevocations(
  store: Store,
  { owner, clock }: { readonly owner: string; readonly clock: WorkerClock },
): Perform<RevocationOperation, RevocationAnswer> {
  // Longer than any two clocks are apart, so that no session is over for somebody; and with no grace, so that no clock has a
  // part in what a replaced token is worth.
  const sessions = createSessions<{ by: string }>({ store, clock, ttl: "30d", absoluteTtl: "60d", rotationGrace: 0 });
  const own: Own[] = [];
  const beginnings: { readonly mark: string; readonly begun: Begun }[] = [];

  async function create(mark: string, of: string, begun?: Begun): Promise<RevocationAnswer> {
    let begunBy: number | undefined;
    let done = true;
    try {
      const reply = sessions.create(owner, { by: mark }, begun && { begun });
      begunBy = instant();
      const { token } = await reply;
      own.push({ mark, tokens: [token] });
      // Until this process remembers the token: what it is worth later must not depend on that.
      for (let times = 0; times < 2; times++) await sessions.authenticate(token);
    } catch (error) {
      if (!(error instanceof RevokedError)) throw error;
      done = false;
    }
    return { of, done, ...(begun === undefined && { begunBy: begunBy ?? instant() }) };
  }

  return async ({ call, mark, chance }) => {
    const session = own.at(-1 - (chance % Math.min(3, own.length)));
    const beginning = beginnings.at(-1 - (chance % Math.min(3, beginnings.length)));
    const youngest = own.at(-1);
    switch (call) {
      case "begin":
        beginnings.push({ mark, begun: sessions.begin() });
        return {};
      case "create":
        return create(mark, mark);
      case "createBegun":
        return beginning === undefined ? {} : create(mark, beginning.mark, beginning.begun);
      case "end":
        return { count: await sessions.destroyByUser(owner) };
      case "list":
        return { saw: (await sessions.listByUser(owner)).map(({ data }) => data.by).toSorted() };
      case "authenticate":
        return {
          of: session?.mark,
          done: (await sessions.authenticate(session?.tokens.at(-1)))?.data.by === session?.mark && !!session,
        };
      case "rotate": {
        // The youngest, which is there most often, and some times in a row; whether the session was there is what the last one told.
        let next: { readonly token: string } | undefined;
        for (let left = 1 + (chance % 4); left > 0; left--) {
          next = await sessions.rotate(youngest?.tokens.at(-1));
          if (next === undefined) break;
          youngest?.tokens.push(next.token);
        }
        return { of: youngest?.mark, done: next !== undefined };
      }
      case "replay": {
        const used = own.findLast(({ tokens }) => tokens.length > 3);
        return {
          of: used?.mark,
          done: used !== undefined && (await sessions.authenticate(used.tokens[0])) !== undefined,
        };
      }
      case "step":
      default:
        clock.step(chance);
        return {};
    }
  };
}
