/**
 * The part of `@opentelemetry/api` (1.x) that is used here, by shape: a `Meter` and a `Tracer` of that package fit.
 * Nothing of it is imported, so that nobody needs it installed who does not use it, not even for its types.
 */

/** Names and values that a measurement or a span is told apart by. */
export type TelemetryAttributes = { readonly [name: string]: string };

/** What of an OpenTelemetry `Meter` is used. */
export interface TelemetryMeter {
  createCounter(name: string, options: InstrumentOptions): TelemetryCounter;
  createHistogram(
    name: string,
    options: InstrumentOptions & { readonly advice: { explicitBucketBoundaries: number[] } },
  ): TelemetryHistogram;
  createObservableGauge(name: string, options: InstrumentOptions): TelemetryGauge;
}

/** What an instrument is described by. */
interface InstrumentOptions {
  readonly description: string;
  readonly unit: string;
}

/** A `Counter`. */
interface TelemetryCounter {
  add(value: number, attributes?: TelemetryAttributes): void;
}

/** A `Histogram`. */
interface TelemetryHistogram {
  record(value: number, attributes?: TelemetryAttributes): void;
}

/** An `ObservableGauge`. */
interface TelemetryGauge {
  addCallback(callback: GaugeCallback): void;
  removeCallback(callback: GaugeCallback): void;
}

/** Called when metrics are collected. */
export type GaugeCallback = (result: { observe(value: number): void }) => void | Promise<void>;

/** A `Tracer`. */
export interface TelemetryTracer {
  startActiveSpan<T>(name: string, work: (span: TelemetrySpan) => T): T;
}

/** A `Span`. */
export interface TelemetrySpan {
  setAttributes(attributes: TelemetryAttributes): unknown;
  setStatus(status: { code: typeof SPAN_ERROR }): unknown;
  end(): void;
}

/** `SpanStatusCode.ERROR`. */
export const SPAN_ERROR = 2;
