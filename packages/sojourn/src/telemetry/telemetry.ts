/** Metrics and spans through OpenTelemetry. A manager without it pays nothing. */
import { requireOptions } from "../options.ts";
import { show } from "../show.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { Mode, Reply } from "../store/reply.ts";
import type { Unsubscribe } from "../store/store.ts";
import { observed, sessionMetrics, type Outcome, type SessionMetrics } from "./session-metrics.ts";
import {
  SPAN_ERROR,
  type TelemetryAttributes,
  type TelemetryMeter,
  type TelemetrySpan,
  type TelemetryTracer,
} from "./opentelemetry.ts";

/** Where measurements go. What is left out is not measured. */
export interface TelemetryOptions {
  /** A `Meter` of `@opentelemetry/api`: `metrics.getMeter("shop")`. */
  readonly meter?: TelemetryMeter;
  /** A `Tracer` of `@opentelemetry/api`: `trace.getTracer("shop")`. */
  readonly tracer?: TelemetryTracer;
}

/** A manager that is measured. */
export interface Telemetry<Data, M extends Mode> {
  /** The same manager, with its calls measured: use this one. */
  readonly sessions: Sessions<Data, M>;
  /** Ends the metrics that come from events. Calls through `sessions` are measured as long as they are made. */
  stop(): void;
}

/**
 * Measures a manager.
 *
 * | instrument | unit | attributes |
 * | --- | --- | --- |
 * | counter `sojourn.session.created` | `{session}` | |
 * | counter `sojourn.session.ended` | `{session}` | `sojourn.end.reason` |
 * | counter `sojourn.session.refreshes` | `{refresh}` | `sojourn.refresh.outcome`: `written`, or `skipped` where an authentication had enough time left |
 * | counter `sojourn.session.conflicts` | `{conflict}` | |
 * | counter `sojourn.token.rejections` | `{token}` | `sojourn.rejection.reason` |
 * | observable gauge `sojourn.session.active` | `{session}` | |
 * | histogram `sojourn.authenticate.duration` | `s` | `sojourn.authenticate.outcome`: `live`, `locked` or `absent`; `error.type` |
 *
 * Each call is a span, `sojourn.authenticate` and so on, with `session.id` (the id, which is no token) where the answer
 * has one, and `error.type` where it failed. No user id, no data and no message of an error is in it. Counters come
 * from the manager's events, whoever calls it; skipped refreshes, the histogram and spans from the calls of
 * `telemetry(…).sessions`.
 *
 * @example
 * ```ts
 * import { metrics, trace } from "@opentelemetry/api";
 * import { createSessions } from "sojourn";
 * import { telemetry } from "sojourn/telemetry";
 *
 * const { sessions } = telemetry(createSessions(), {
 *   meter: metrics.getMeter("shop"),
 *   tracer: trace.getTracer("shop"),
 * });
 * console.log(sessions.authenticate(sessions.create("ann").token)?.userId); // ann
 * ```
 */
export function telemetry<Data, M extends Mode>(
  sessions: Sessions<Data, M>,
  options: TelemetryOptions,
): Telemetry<Data, M> {
  if (typeof sessions?.authenticate !== "function") {
    throw new TypeError(`Expected \`sessions\` to be a session manager, got ${show(sessions)}`);
  }
  requireOptions("telemetry", options, { meter: true, tracer: true });
  const { meter, tracer } = options;
  const metrics = meter === undefined ? undefined : sessionMetrics(sessions, meter);
  const timed = metrics === undefined ? sessions : { ...sessions, authenticate: timedAuthenticate(sessions, metrics) };
  const stop: Unsubscribe = () => metrics?.stop();
  return { sessions: Object.freeze(tracer === undefined ? timed : traced(timed, tracer)), stop };
}

function timedAuthenticate<Data, M extends Mode>(
  sessions: Sessions<Data, M>,
  metrics: SessionMetrics,
): Sessions<Data, M>["authenticate"] {
  const { performance } = globalThis as unknown as { readonly performance: { now(): number } };
  return (token, options) => {
    const start = performance.now();
    return observed(
      sessions.mode,
      () => sessions.authenticate(token, options),
      (outcome) => metrics.authenticated(outcome, options?.extend !== false, (performance.now() - start) / 1_000),
    );
  };
}

/** What asks no store: these stay as they are. */
const PLAIN = new Set(["begin", "on", "listens", "signal", "watch"]);

function traced<Data, M extends Mode>(sessions: Sessions<Data, M>, tracer: TelemetryTracer): Sessions<Data, M> {
  type Call = (...given: readonly unknown[]) => Reply<M, unknown>;
  const calls = Object.entries(sessions).filter(([name, value]) => typeof value === "function" && !PLAIN.has(name));
  const wrapped = calls.map(([name, call]: [string, Call]) => [
    name,
    (...given: readonly unknown[]) =>
      tracer.startActiveSpan(`sojourn.${name}`, (span) =>
        observed(
          sessions.mode,
          () => call(...given),
          (outcome) => end(span, outcome, name === "destroy" ? given[0] : undefined),
        ),
      ),
  ]);
  return { ...sessions, ...(Object.fromEntries(wrapped) as Partial<Sessions<Data, M>>) };
}

/** @param destroyed what `destroy` was given: no other call that answers true was given an id, and one gets a token */
function end(span: TelemetrySpan, outcome: Outcome<unknown>, destroyed: unknown): void {
  if ("fault" in outcome) {
    span.setAttributes({ "error.type": outcome.fault });
    span.setStatus({ code: SPAN_ERROR });
  } else {
    span.setAttributes(sessionId(outcome.value, destroyed));
  }
  span.end();
}

/** The id of the session that a call was about, from its answer: what a caller passed in may be anything, also a token. */
function sessionId(answer: unknown, destroyed: unknown): TelemetryAttributes {
  // `destroy` answers true only for what was the id of a session.
  const id = answer === true ? destroyed : (Object(answer) as { readonly id?: unknown }).id;
  return typeof id === "string" ? { "session.id": id } : {};
}
