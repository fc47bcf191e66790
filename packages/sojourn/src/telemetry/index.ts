export type { TelemetryMeter, TelemetryTracer } from "./opentelemetry.ts";
export { telemetry, type Telemetry, type TelemetryOptions } from "./telemetry.ts";
