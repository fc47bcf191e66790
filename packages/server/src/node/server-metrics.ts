/**
 * The numbers of a service, for Prometheus. They come from the library's own instruments (`sojourn/telemetry`), of which
 * each becomes a metric with at most one label, whose values are listed here: what anybody sends never makes a new series.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { httpStatus, SojournError, type EndReason, type Mode, type RejectionReason, type Sessions } from "sojourn";
import { telemetry, type TelemetryMeter, type TelemetryTracer } from "sojourn/telemetry";
import type { Metrics } from "../http/routes/metrics.ts";

/** Options of {@link serverMetrics}. */
export interface ServerMetricsOptions {
  readonly sessions: Sessions<Record<string, unknown>, Mode>;
  /** The version of this service. */
  readonly version: string;
  /** What kind of store it has, such as `sqlite`. */
  readonly store: string;
}

/** A manager with its numbers. */
export interface ServerMetrics extends Metrics {
  /** The same manager, measured: use this one. */
  readonly sessions: Sessions<Record<string, unknown>, Mode>;
}

/** What an instrument of the library is called here, and which of its attributes is a label. */
interface Metric {
  readonly name: string;
  readonly label?: string;
  readonly attribute?: string;
  /** The values of the label. Any other one is `other`. */
  readonly values?: readonly string[];
}

const END_REASONS: Readonly<Record<EndReason, true>> = {
  logout: true,
  "expired-idle": true,
  "expired-absolute": true,
  revoked: true,
  replaced: true,
  evicted: true,
  reuse: true,
};
const REJECTION_REASONS: Readonly<Record<RejectionReason, true>> = {
  malformed: true,
  unknown: true,
  "wrong-secret": true,
  reuse: true,
  replaced: true,
  locked: true,
};
const STORE_CODES = Object.keys(httpStatus).filter((code) => code.startsWith("store_"));
const FAILED = "failed";

const METRICS: Readonly<Record<string, Metric>> = {
  "sojourn.session.active": { name: "sojourn_sessions_live" },
  "sojourn.session.created": { name: "sojourn_sessions_started_total" },
  "sojourn.session.ended": {
    name: "sojourn_sessions_ended_total",
    label: "reason",
    attribute: "sojourn.end.reason",
    values: Object.keys(END_REASONS),
  },
  "sojourn.session.refreshes": {
    name: "sojourn_session_refreshes_total",
    label: "outcome",
    attribute: "sojourn.refresh.outcome",
    values: ["written", "skipped"],
  },
  "sojourn.session.conflicts": { name: "sojourn_session_conflicts_total" },
  "sojourn.token.rejections": {
    name: "sojourn_tokens_rejected_total",
    label: "reason",
    attribute: "sojourn.rejection.reason",
    values: Object.keys(REJECTION_REASONS),
  },
  "sojourn.authenticate.duration": {
    name: "sojourn_authenticate_duration_seconds",
    label: "outcome",
    attribute: "sojourn.authenticate.outcome",
    values: ["live", "locked", "absent", FAILED],
  },
};

/** Measures a manager and the process that it is in. Call it once for a process. */
export function serverMetrics({ sessions, version, store }: ServerMetricsOptions): ServerMetrics {
  const registry = new Registry();
  const shared = { registers: [registry] };
  collectDefaultMetrics({ register: registry });
  new Gauge({
    ...shared,
    name: "sojourn_build_info",
    help: "Always 1: the versions of the service and of Node, and the kind of its store",
    labelNames: ["version", "node", "store"],
  }).set({ version, node: process.version, store }, 1);
  const faults = new Counter({
    ...shared,
    name: "sojourn_store_faults_total",
    help: "Calls that the store failed, by code",
    labelNames: ["code"],
  });
  for (const code of STORE_CODES) faults.inc({ code }, 0);
  const up = new Gauge({
    ...shared,
    name: "sojourn_store_up",
    help: "Whether the store has answered this scrape: 1 or 0",
  });
  const { meter, look } = prometheusMeter(registry);
  const measured = telemetry(sessions, {
    meter,
    tracer: faultTracer((code) => {
      if (STORE_CODES.includes(code)) faults.inc({ code });
    }),
  });
  return {
    sessions: measured.sessions,
    contentType: registry.contentType,
    async text() {
      try {
        await look();
        up.set(1);
      } catch (error) {
        // What is known without the store is told all the same: now it is needed.
        up.set(0);
        if (error instanceof SojournError && STORE_CODES.includes(error.code)) faults.inc({ code: error.code });
      }
      return registry.metrics();
    },
  };
}

interface PrometheusMeter {
  readonly meter: TelemetryMeter;
  /** Asks for what is observed. @throws what that throws; then it has no value */
  look(): Promise<void>;
}

/** An OpenTelemetry meter that makes metrics of Prometheus. */
function prometheusMeter(registry: Registry): PrometheusMeter {
  const looks = new Set<() => Promise<void>>();
  const made = (instrument: string, help: string) => {
    const metric = METRICS[instrument];
    if (metric === undefined) throw new TypeError(`Expected a name in \`METRICS\` for the instrument ${instrument}`);
    const { name, label, attribute = "", values = [] } = metric;
    const labelsOf = (attributes: Readonly<Record<string, string>> = {}): Record<string, string> => {
      if (label === undefined) return {};
      const value = "error.type" in attributes ? FAILED : attributes[attribute];
      return { [label]: value !== undefined && values.includes(value) ? value : "other" };
    };
    return {
      options: { name, help, labelNames: label === undefined ? [] : [label], registers: [registry] },
      labelsOf,
      label,
      values,
    };
  };
  const meter: TelemetryMeter = {
    createCounter(instrument, { description }) {
      const { options, labelsOf, label, values } = made(instrument, description);
      const counter = new Counter(options);
      // From the start, so that the first one is a rise from 0 and not a series that was not there before.
      for (const value of values) counter.inc({ [label as string]: value }, 0);
      return { add: (value, attributes) => counter.inc(labelsOf(attributes), value) };
    },
    createHistogram(instrument, { description, advice }) {
      const { options, labelsOf } = made(instrument, description);
      const histogram = new Histogram({ ...options, buckets: advice.explicitBucketBoundaries });
      return { record: (value, attributes) => histogram.observe(labelsOf(attributes), value) };
    },
    createObservableGauge(instrument, { description }) {
      const gauge = new Gauge(made(instrument, description).options);
      const byCallback = new Map<unknown, () => Promise<void>>();
      return {
        addCallback(callback) {
          const look = async (): Promise<void> => {
            // The value of before is not the value of now.
            gauge.remove();
            await callback({ observe: (value) => gauge.set(value) });
          };
          byCallback.set(callback, look);
          looks.add(look);
        },
        removeCallback(callback) {
          looks.delete(byCallback.get(callback) as () => Promise<void>);
        },
      };
    },
  };
  return {
    meter,
    look: async () => {
      for (const look of looks) await look();
    },
  };
}

/** A tracer that is told of every call, and passes on why one failed. */
function faultTracer(failed: (code: string) => void): TelemetryTracer {
  const span = {
    setAttributes(attributes: Readonly<Record<string, string>>) {
      const code = attributes["error.type"];
      if (code !== undefined) failed(code);
    },
    setStatus: () => undefined,
    end: () => undefined,
  };
  return { startActiveSpan: (_name, work) => work(span) };
}
