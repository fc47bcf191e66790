/** The numbers of the service, for what collects them. */
import { answerText } from "../answer.ts";
import type { Route } from "../router.ts";

/** Numbers, as text. */
export interface Metrics {
  /** Such as `text/plain; version=0.0.4; charset=utf-8`, which Prometheus reads. */
  readonly contentType: string;
  /** Answers also while the store does not. */
  text(): string | Promise<string>;
}

/** @param isOpen whether the gate is not asked */
export function metricsRoute({ contentType, text }: Metrics, isOpen: boolean): Route {
  return { path: "/metrics", GET: async () => answerText(await text(), contentType), isOpen };
}
