import { context, trace } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type DataPoint,
  type Histogram,
} from "@opentelemetry/sdk-metrics";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  StackContextManager,
  TracerProvider,
  type ReadableSpan,
} from "@opentelemetry/sdk-trace";
import { describe, expect, onTestFinished, test } from "vitest";
import { telemetry } from "../../src/telemetry/telemetry.ts";
import type { Mode } from "../../src/store/reply.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { faultyStore } from "../../src/testing/faulty-store.ts";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import { manage, modes, type Managed } from "../sessions/support/managers.ts";

/** The real SDK, with exporters in memory. */
function sdk() {
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 2 ** 30 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  const spanExporter = new InMemorySpanExporter();
  const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spanExporter })] });
  onTestFinished(async () => {
    await meterProvider.shutdown().catch(() => undefined);
    await tracerProvider.shutdown();
  });

  /** Each point of each instrument, as `name attributes` → value; a histogram's value is its count. */
  async function metrics(): Promise<Record<string, number>> {
    const { resourceMetrics } = await reader.collect();
    const points = resourceMetrics.scopeMetrics.flatMap((scope) =>
      scope.metrics.flatMap(({ descriptor, dataPoints }) =>
        (dataPoints as DataPoint<number | Histogram>[]).map(({ attributes, value }) => {
          const name = [descriptor.name, ...Object.values(attributes)].join(" ");
          return [name, typeof value === "number" ? value : value.count] as const;
        }),
      ),
    );
    return Object.fromEntries(points);
  }

  return {
    reader,
    metrics,
    meter: meterProvider.getMeter("test"),
    tracer: tracerProvider.getTracer("test"),
    spans: (): ReadableSpan[] => spanExporter.getFinishedSpans(),
  };
}

function measured(managed: Managed) {
  const kit = sdk();
  const { sessions, stop } = telemetry(managed.sessions, { meter: kit.meter, tracer: kit.tracer });
  return { ...kit, sessions, stop };
}

describe.each(modes)("telemetry: %s", (mode, open) => {
  test("counts what happened, by reason", async () => {
    const managed = manage(open, { ttl: "30m" });
    const { sessions, metrics } = measured(managed);
    const { clock } = managed;
    const { token, id } = await sessions.create("ann");
    const other = await sessions.create("ann");
    await sessions.create("bob", {}, { ttl: "1s" });
    await sessions.authenticate(token);
    await sessions.authenticate(token);
    await sessions.authenticate(token, { extend: false });
    clock.advance("5m");
    await sessions.authenticate(token);
    await sessions.authenticate(token);
    await sessions.refresh(other.id);
    await sessions.authenticate("unknown");
    await sessions.authenticate(id + "A".repeat(43));
    await sessions.destroy(other.id);
    await sessions.cleanup();
    expect(await metrics()).toEqual({
      "sojourn.session.created": 3,
      "sojourn.session.ended logout": 1,
      "sojourn.session.ended expired-idle": 1,
      "sojourn.session.refreshes written": 2,
      "sojourn.session.refreshes skipped": 3,
      "sojourn.token.rejections unknown": 1,
      "sojourn.token.rejections wrong-secret": 1,
      "sojourn.session.active": 1,
      "sojourn.authenticate.duration live": 5,
      "sojourn.authenticate.duration absent": 2,
    });
  });

  test("a session that waits for a re-authentication is locked, not live, and no refresh was skipped", async () => {
    const managed = manage(open, { lockAfter: "10m" });
    const { sessions, metrics } = measured(managed);
    const { token } = await sessions.create("u");
    managed.clock.advance("10m");
    await sessions.authenticate(token, { allowLocked: true });
    await sessions.authenticate(token);
    expect(await metrics()).toMatchObject({
      "sojourn.authenticate.duration locked": 1,
      "sojourn.authenticate.duration absent": 1,
      "sojourn.token.rejections locked": 1,
    });
    expect(await metrics()).not.toHaveProperty(["sojourn.session.refreshes skipped"]);
  });

  test("the gauge of active sessions is read when it is collected, and a store that fails leaves it out", async () => {
    const store = open();
    const { sessions, reader, metrics } = measured(manage(() => store));
    await sessions.create("u");
    expect(await metrics()).toHaveProperty(["sojourn.session.active"], 1);
    await sessions.create("u");
    expect(await metrics()).toHaveProperty(["sojourn.session.active"], 2);
    await store.close();
    const { resourceMetrics, errors } = await reader.collect();
    expect(errors).toHaveLength(1);
    expect(JSON.stringify(resourceMetrics.scopeMetrics)).toContain("sojourn.session.created");
  });

  test("durations are in seconds, with units and descriptions on every instrument", async () => {
    const { sessions, reader } = measured(manage(open));
    const { token } = await sessions.create("u");
    for (let n = 0; n < 50; n++) await sessions.authenticate(token);
    const { resourceMetrics } = await reader.collect();
    const found = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    for (const { descriptor } of found)
      expect([descriptor.unit, descriptor.description].join()).toMatch(/^(s|\{\w+\}),\w/);
    const point = found.find(({ descriptor }) => descriptor.unit === "s")?.dataPoints[0] as DataPoint<Histogram>;
    expect(point.value.count).toBe(50);
    expect(point.value.sum).toBeGreaterThan(0);
    expect(point.value.sum).toBeLessThan(50);
    expect(point.value.buckets.boundaries[0]).toBe(0.000_005);
  });

  test("each call is a span, named after it, with the id where the answer has one", async () => {
    const managed = manage(open);
    const { sessions, spans } = measured(managed);
    const { token, id } = await sessions.create("u");
    await sessions.authenticate(token);
    await sessions.get(id);
    await sessions.refresh(id);
    await sessions.update(id, { a: 1 });
    const rotated = await sessions.rotate(token);
    await sessions.reauthenticate(id);
    await sessions.listByUser("u");
    await sessions.list();
    await sessions.count();
    await sessions.explain(token);
    await sessions.destroy(id);
    await sessions.destroy(id);
    await sessions.authenticate(rotated?.token);
    await sessions.destroyByToken((await sessions.create("u")).token);
    await sessions.destroyByUser("u");
    await sessions.cleanup();
    expect(spans().map(({ name, attributes }) => [name.replace("sojourn.", ""), attributes["session.id"]])).toEqual([
      ["create", id],
      ["authenticate", id],
      ["get", id],
      ["refresh", id],
      ["update", id],
      ["rotate", id],
      ["reauthenticate", id],
      ["listByUser", undefined],
      ["list", undefined],
      ["count", undefined],
      ["explain", undefined],
      ["destroy", id],
      ["destroy", undefined],
      ["authenticate", undefined],
      ["create", expect.any(String)],
      ["destroyByToken", undefined],
      ["destroyByUser", undefined],
      ["cleanup", undefined],
    ]);
    const uncalled = Object.entries(managed.sessions).filter(([, value]) => typeof value === "function");
    expect(new Set(spans().map(({ name }) => name)).size).toBe(
      uncalled.length - ["begin", "on", "listens", "signal", "watch"].length,
    );
  });

  test("no token, user or data is in any span or metric, also where a call was misused", async () => {
    const { sessions, spans, reader } = measured(manage(open));
    const { token } = await sessions.create("somebody", { card: "4111" });
    const adopted = await sessions.create("somebody", {}, { token: "an adopted token" });
    await sessions.authenticate(token);
    await sessions.authenticate("a guess");
    expect(await sessions.destroyByToken(adopted.token)).toBe(true);
    for (const misuse of [() => sessions.get(token), () => sessions.destroy(token), () => sessions.refresh(token)]) {
      await expect(async () => misuse()).rejects.toThrow(TypeError);
    }
    const { resourceMetrics } = await reader.collect();
    const told = spans().map(({ name, attributes, status, events }) => ({ name, attributes, status, events }));
    const text = JSON.stringify([told, resourceMetrics.scopeMetrics]);
    expect(told).toHaveLength(8);
    for (const secret of [token, token.slice(27), adopted.token, "somebody", "4111", "guess"]) {
      expect(text).not.toContain(secret);
    }
  });

  test("a fault is told by its code, in the span and in the histogram, and is thrown as it was", async () => {
    const store = faultyStore<Mode>(open(), [{ call: "get", fault: "fail" }]);
    const { sessions, spans, metrics } = measured(manage(() => store));
    const { token } = await sessions.create("u");
    await expect(async () => sessions.authenticate(token)).rejects.toMatchObject({ code: "store_unavailable" });
    expect(spans().at(-1)).toMatchObject({
      name: "sojourn.authenticate",
      attributes: { "error.type": "store_unavailable" },
      status: { code: 2 },
      events: [],
      ended: true,
    });
    expect(await metrics()).toHaveProperty(["sojourn.authenticate.duration store_unavailable"], 1);
  });

  test("stop ends the metrics that come from events, and the gauge", async () => {
    const managed = manage(open);
    const { metrics, stop } = measured(managed);
    stop();
    await managed.sessions.create("u");
    expect(await metrics()).toEqual({});
    expect(managed.sessions.listens("created")).toBe(false);
  });

  test("what is left out is not measured, and the manager answers as it did", async () => {
    const managed = manage(open);
    const plain = telemetry(managed.sessions, {}).sessions;
    expect(plain).toBe(managed.sessions);
    const { tracer } = sdk();
    const { sessions } = telemetry(managed.sessions, { tracer });
    const { token, id } = await sessions.create("u", { a: 1 });
    const answer = sessions.authenticate(token);
    expect(answer instanceof Promise).toBe(mode === "asynchronous");
    expect(await answer).toEqual(await managed.sessions.authenticate(token));
    expect(sessions.policy).toBe(managed.sessions.policy);
    expect(sessions.listens("created")).toBe(managed.sessions.listens("created"));
    expect(await managed.sessions.destroy(id)).toBe(true);
    expect(await sessions.get(id)).toBeUndefined();
  });
});

test("conflicts are counted", async () => {
  const store = memoryStore();
  let others = 1;
  const sessions = createSessions<{ n: number }>({
    store: {
      ...store,
      put(entry, expected, now) {
        if (expected !== null && others-- > 0) store.put({ ...entry, rev: "another" }, "any", now);
        return store.put(entry, expected, now);
      },
    },
  });
  const { meter, metrics } = sdk();
  telemetry(sessions, { meter });
  const { id } = sessions.create("u", { n: 0 });
  expect(sessions.update(id, ({ n }) => ({ n: n + 1 }))?.data.n).toBe(2);
  expect(await metrics()).toHaveProperty(["sojourn.session.conflicts"], 1);
});

test("a call's span is a child of the caller's", () => {
  context.setGlobalContextManager(new StackContextManager().enable());
  onTestFinished(() => context.disable());
  const { tracer, spans } = sdk();
  const { sessions } = telemetry(createSessions(), { tracer });
  const token = sessions.create("u").token;
  tracer.startActiveSpan("request", (request) => {
    sessions.authenticate(token);
    expect(trace.getActiveSpan()).toBe(request);
    request.end();
  });
  const [, call, request] = spans();
  expect(call?.name).toBe("sojourn.authenticate");
  expect(call?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId);
});

test("a misspelt option is refused by name", () => {
  expect(() => telemetry(createSessions(), { metre: {} } as never)).toThrow('such as `meter`, got "metre"');
});
