/**
 * What listening costs: `npm run bench:overhead [-- --json]`.
 *
 * `authenticate` on the memory store, on managers that differ only in who listens, in turns in one run. Two of them are
 * alike: how far apart those two come out is what this machine cannot tell.
 */
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { trace } from "@opentelemetry/api";
import { createSessions, memoryStore, type Sessions } from "sojourn";
import { auditLog } from "sojourn/audit";
import { sqliteAuditSink } from "sojourn/audit/sqlite";
import { telemetry } from "sojourn/telemetry";
import { ensure, fresh, medians, ns, report, times } from "./measure.ts";

type Manager = Sessions<Record<string, unknown>, "sync">;

const SESSIONS = 10_000;
const REQUESTS = 2_000;
const ROUNDS = 101;
const reader = new PeriodicExportingMetricReader({
  exporter: new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE),
  exportIntervalMillis: 2 ** 30,
});
const meter = new MeterProvider({ readers: [reader] }).getMeter("bench");
const sink = sqliteAuditSink({ path: ":memory:" });
const written: unknown[] = [];

const VARIANTS: Readonly<Record<string, (sessions: Manager) => Manager>> = {
  "nobody listens": (sessions) => sessions,
  "nobody listens, once more": (sessions) => sessions,
  "a listener to ended": (sessions) => {
    sessions.on("ended", (event) => written.push(event));
    return sessions;
  },
  "an audit log": (sessions) => {
    auditLog(sessions, sink);
    return sessions;
  },
  "metrics, the real SDK": (sessions) => telemetry(sessions, { meter }).sessions,
  "metrics, and spans of no SDK": (sessions) =>
    telemetry(sessions, { meter, tracer: trace.getTracer("bench") }).sessions,
};

function load(listen: (sessions: Manager) => Manager): () => number {
  const sessions = listen(createSessions({ store: memoryStore({ maxEntries: SESSIONS }) }));
  const tokens = Array.from({ length: SESSIONS }, (_, n) => sessions.create(`user-${n}`, { role: "admin" }).token);
  ensure(
    tokens.every((token) => sessions.authenticate(token)?.data["role"] === "admin"),
    "every token authenticates",
  );
  // As from a socket, and made before anything is timed.
  const requests = Array.from({ length: ROUNDS + 2 }, () => fresh(tokens.slice(0, REQUESTS)));
  return () => {
    let found = 0;
    for (const token of requests.pop() ?? []) if (sessions.authenticate(token) !== undefined) found++;
    return found;
  };
}

/** Apart, since what telemetry leaves for the garbage collector is collected in the turn of whoever comes next. */
const GROUPS: readonly (readonly string[])[] = [
  ["nobody listens", "a listener to ended", "an audit log", "nobody listens, once more"],
  ["nobody listens", "metrics, the real SDK", "metrics, and spans of no SDK"],
];

for (const group of GROUPS) {
  // The first ones made lie in memory while the heap still grows: these are thrown away, and made again.
  for (const name of group) load(VARIANTS[name]!)();
  const result = medians(Object.fromEntries(group.map((name) => [name, load(VARIANTS[name]!)])), ROUNDS);
  const base = result["nobody listens"] ?? Number.NaN;
  report(
    "authenticate on the memory store",
    group.map((what) => ({
      what,
      ours: ns(result[what] ?? Number.NaN),
      against: ns(base),
      ratio: times((result[what] ?? Number.NaN) / base),
      aim: what.startsWith("metrics") ? "–" : "as much as nobody",
    })),
  );
}
sink.close();
