import type { AnswerHeaders } from "./answer.ts";

/** Thrown to answer a request with a 4xx (or 503 while stopping) instead of what it asks for. Not a fault. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly headers: AnswerHeaders | undefined;

  /** @param message the client reads it: it never holds anything that the client sent */
  constructor(status: number, message: string, headers?: AnswerHeaders) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}
