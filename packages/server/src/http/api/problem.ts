/** How the API under `/api/v1` says what went wrong: a body after RFC 9457, with a code that stays the same. */
import { answer, type Answer, type AnswerHeaders } from "../answer.ts";

/** Where the API is. */
export const API = "/api/v1";

/** The media type of RFC 9457, section 3. */
export const PROBLEM_TYPE = "application/problem+json";

/** What stands in `code` where neither the store nor the library has said it. */
const CODES: Readonly<Record<number, string>> = {
  400: "invalid_request",
  401: "api_key_required",
  403: "forbidden",
  404: "no_such_path",
  405: "method_not_allowed",
  413: "body_too_large",
  415: "unsupported_media_type",
  500: "internal_error",
  503: "unavailable",
};

/** Whether a path is one of the API's. */
export function isApiPath(path: string): boolean {
  return path.startsWith(`${API}/`);
}

/** An answer that says what is wrong, as RFC 9457 has it. The title is that of the status (section 4.2.1), and left out. */
export function answerProblem(status: number, detail: string, more: AnswerHeaders = {}, code?: string): Answer {
  const known = code ?? CODES[status] ?? "invalid_request";
  const problem = { type: `urn:sojourn:problem:${known}`, status, detail, code: known };
  return answer(status, problem, { ...more, "content-type": PROBLEM_TYPE });
}
