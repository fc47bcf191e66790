/** Asks the API of an app in the process. */
import { testApp, type TestApp, type TestAppOptions } from "./test-app.ts";

/** What came back. */
export interface Got {
  readonly status: number;
  readonly headers: Headers;
  /** The body as it was sent, and as JSON. */
  readonly text: string;
  readonly body: Record<string, unknown>;
}

export interface ApiBench extends TestApp {
  /** @param path under `/api/v1` @param body a text is sent as it is */
  ask(line: `${string} /${string}`, body?: unknown, headers?: Record<string, string>): Promise<Got>;
  /** Starts a session of `ann`. */
  start(more?: object): Promise<{ readonly id: string; readonly token: string }>;
}

export function apiBench(options: TestAppOptions = {}): ApiBench {
  const bench = testApp(options);
  const ask: ApiBench["ask"] = async (line, body, headers = {}) => {
    const [method = "", path = ""] = line.split(" ");
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const response = await bench.app.request(`/api/v1${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { "content-type": type }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed = (text === "" ? {} : JSON.parse(text)) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, text, body: parsed };
  };
  const start: ApiBench["start"] = async (more = {}) => {
    const { body } = await ask("POST /sessions", { userId: "ann", ...more });
    return body as unknown as { readonly id: string; readonly token: string };
  };
  return { ...bench, ask, start };
}
