import { pino, type DestinationStream } from "pino";
import type { Log } from "../http/log.ts";

/** Log levels, the most detailed one first. */
export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
/** How much is logged. At `info` and below, every request is a line. */
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ["json", "text"] as const;
/** `json`: one object a line. `text`: for the eye. */
export type LogFormat = (typeof LOG_FORMATS)[number];

/** A log that can be written out. */
export interface OperatorLog extends Log {
  readonly logsRequests: boolean;
  /** Writes what is still held back. */
  flush(): void;
}

/** The log of a process, on its standard output. */
export function operatorLog(level: LogLevel, format: LogFormat): OperatorLog {
  // Lines are gathered while a write is on its way: logging never waits for whoever reads them.
  const stdout = pino.destination({ fd: 1, sync: false });
  const destination: DestinationStream =
    format === "json" ? stdout : { write: (line) => void stdout.write(textLine(line)) };
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return {
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    logsRequests: logger.isLevelEnabled("info"),
    flush: () => {
      try {
        stdout.flushSync();
      } catch {
        // Nothing was logged yet, or nobody reads any more.
      }
    },
  };
}

/** `2026-11-20T20:00:00.000Z info request method=GET path=/sessions status=200 ms=0.1` */
export function textLine(line: string): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const name = pino.levels.labels[Number(level)] ?? String(level);
  const pairs = Object.entries(fields).map(
    ([key, value]) => ` ${key}=${typeof value === "string" && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value)}`,
  );
  return `${String(time)} ${name} ${String(msg)}${pairs.join("")}\n`;
}
