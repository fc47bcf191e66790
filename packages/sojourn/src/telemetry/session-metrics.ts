/** The instruments of a manager, what feeds them, and how a call is observed for them. */
import type { Session } from "../sessions/session.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { Mode, Reply } from "../store/reply.ts";
import type { GaugeCallback, TelemetryAttributes, TelemetryMeter } from "./opentelemetry.ts";

/** The answer of a call, or the kind of what it threw. */
export type Outcome<T> = { readonly value: T } | { readonly fault: string };

/** Makes a call, and reports how it went once it has answered. The answer, or what was thrown, stays the same. */
export function observed<M extends Mode, T>(
  mode: M,
  call: () => Reply<M, T>,
  report: (outcome: Outcome<T>) => void,
): Reply<M, T> {
  // No steps here, which cost a look-up in memory a good part of its time.
  const failed = (error: unknown): never => {
    report({ fault: kindOf(error) });
    throw error;
  };
  const answered = (value: T): T => {
    report({ value });
    return value;
  };
  if (mode === "async") return (call() as Promise<T>).then(answered, failed) as Reply<M, T>;
  let value: T;
  try {
    value = call() as T;
  } catch (error) {
    return failed(error);
  }
  return answered(value) as Reply<M, T>;
}

/** What `error.type` says: a code of this library's where there is one, else the error's name. Never its message. */
function kindOf(error: unknown): string {
  const { code, name } = Object(error) as { readonly code?: unknown; readonly name?: unknown };
  if (typeof code === "string") return code;
  return typeof name === "string" ? name : "_OTHER";
}

/** In seconds: from a lookup in memory to a server that is about to give up. */
const BUCKETS = [0.000_005, 0.000_01, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];

/** What calls report to, beside what the manager's events tell. */
export interface SessionMetrics {
  /** @param mayExtend whether the call was one that extends when it is time to */
  authenticated(outcome: Outcome<Session<unknown> | undefined>, mayExtend: boolean, seconds: number): void;
  stop(): void;
}

export function sessionMetrics<Data, M extends Mode>(
  sessions: Sessions<Data, M>,
  meter: TelemetryMeter,
): SessionMetrics {
  const { created, ended, refreshes, conflicts, rejections, active, duration } = instruments(meter);
  /** The sessions that an extension has answered with: each is an object of its own (see `SessionEvents`). */
  const extended = new WeakSet<object>();

  const observe: GaugeCallback = async (result) => result.observe(await sessions.count());
  active.addCallback(observe);
  const offs = [
    sessions.on("created", () => created.add(1)),
    sessions.on("ended", ({ reason }) => ended.add(1, { "sojourn.end.reason": reason })),
    sessions.on("conflicted", () => conflicts.add(1)),
    sessions.on("rejected", ({ reason }) => rejections.add(1, { "sojourn.rejection.reason": reason })),
    sessions.on("refreshed", ({ session }) => {
      extended.add(session);
      refreshes.add(1, WRITTEN);
    }),
  ];

  return {
    authenticated(outcome, mayExtend, seconds) {
      duration.record(seconds, outcomeAttributes(outcome));
      if (!mayExtend || "fault" in outcome || outcome.value === undefined || outcome.value.locked === true) return;
      if (!extended.has(outcome.value)) refreshes.add(1, SKIPPED);
    },
    stop() {
      active.removeCallback(observe);
      for (const off of offs) off();
    },
  };
}

const WRITTEN: TelemetryAttributes = { "sojourn.refresh.outcome": "written" };
const SKIPPED: TelemetryAttributes = { "sojourn.refresh.outcome": "skipped" };
const LIVE: TelemetryAttributes = { "sojourn.authenticate.outcome": "live" };
const LOCKED: TelemetryAttributes = { "sojourn.authenticate.outcome": "locked" };
const ABSENT: TelemetryAttributes = { "sojourn.authenticate.outcome": "absent" };

function outcomeAttributes(outcome: Outcome<Session<unknown> | undefined>): TelemetryAttributes {
  if ("fault" in outcome) return { "error.type": outcome.fault };
  if (outcome.value === undefined) return ABSENT;
  return outcome.value.locked === true ? LOCKED : LIVE;
}

function instruments(meter: TelemetryMeter) {
  const session = "{session}";
  return {
    created: meter.createCounter("sojourn.session.created", { unit: session, description: "Sessions started" }),
    ended: meter.createCounter("sojourn.session.ended", { unit: session, description: "Sessions ended, by reason" }),
    refreshes: meter.createCounter("sojourn.session.refreshes", {
      unit: "{refresh}",
      description: "Extensions that were written, and authentications that needed none",
    }),
    conflicts: meter.createCounter("sojourn.session.conflicts", {
      unit: "{conflict}",
      description: "Changes of a session that came second and were made anew",
    }),
    rejections: meter.createCounter("sojourn.token.rejections", {
      unit: "{token}",
      description: "Tokens that let nobody in, by reason",
    }),
    active: meter.createObservableGauge("sojourn.session.active", { unit: session, description: "Live sessions" }),
    duration: meter.createHistogram("sojourn.authenticate.duration", {
      unit: "s",
      description: "How long authenticate took",
      advice: { explicitBucketBoundaries: BUCKETS },
    }),
  };
}
