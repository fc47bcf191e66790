/** An operation of the API: described once. From that come what is checked, the types of its handler, and the document. */
import type * as z from "zod";
import { answer, Refusal, type Answer, type AnswerHeaders } from "../answer.ts";
import type { AskedWithBody } from "../asked.ts";
import type { BodyType } from "../body.ts";
import { decoded } from "../path.ts";
import type { Route } from "../router.ts";
import { API } from "./problem.ts";

export type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** What an operation can answer besides what every one can: 404 for a session that is not there, 409, 412. */
export type OwnStatus = 404 | 409 | 412;

/** What an operation is, without its handler: all that the document tells. */
export interface Description {
  readonly method: Method;
  /** Under `/api/v1`, with parameters as OpenAPI writes them, such as `/sessions/{id}`. */
  readonly path: string;
  /** Its name for programs, which generated clients make a function's name of. */
  readonly id: string;
  /** What it does, in one sentence. */
  readonly summary: string;
  readonly params?: z.ZodObject | undefined;
  readonly query?: z.ZodObject | undefined;
  /** Headers that it reads, for the document. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: z.ZodObject | undefined;
  readonly bodyType?: BodyType | undefined;
  /** The status of the answer that it is asked for. @default 200 */
  readonly status?: 200 | 201 | undefined;
  readonly answers: z.ZodType;
  /** Whether that answer carries the version of the session's data as its ETag. @default false */
  readonly hasVersion?: boolean | undefined;
  readonly mayAnswer?: readonly OwnStatus[] | undefined;
}

/** An operation, whatever it takes. */
export interface Operation extends Description {
  readonly answer: (asked: AskedWithBody) => Promise<Answer>;
}

/** What a handler is given: checked, and of the types that the description says. */
export interface Given<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  header(name: string): string | undefined;
}

/** What a handler answers: `undefined` where the session is not there. */
export type Outcome<Answered> = { readonly body: Answered; readonly headers?: AnswerHeaders } | undefined;

type Typed<Params, Query, Body, Answered> = Omit<Description, "params" | "query" | "body" | "answers"> & {
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  readonly answers: Answered;
};

type Output<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

/** An operation of a description and what does it, which gets and gives what the description says. */
export function operation<
  Answered extends z.ZodType,
  Params extends z.ZodObject | undefined = undefined,
  Query extends z.ZodObject | undefined = undefined,
  Body extends z.ZodObject | undefined = undefined,
>(
  description: Typed<Params, Query, Body, Answered>,
  handle: (
    given: Given<Output<Params>, Output<Query>, Output<Body>>,
  ) => Outcome<z.input<Answered>> | Promise<Outcome<z.input<Answered>>>,
): Operation {
  const { params, query, body, bodyType, status = 200 } = description;
  return {
    ...description,
    answer: async (asked) => {
      const given = {
        params: check(
          params as Params,
          params && paramsOf(asked.path, description.path),
          (name) => `${name} in the path`,
        ),
        query: check(query as Query, query && queryOf(asked.query), (name) => `${name} in the query`),
        body: check(body as Body, body && safe(await asked.json(bodyType)), (name) => name),
        header: (name: string) => asked.header(name),
      };
      const outcome = await handle(given);
      if (outcome === undefined) throw new Refusal(404, "There is no such live session", undefined, "no_session");
      return answer(status, outcome.body as object, outcome.headers);
    },
  };
}

/** The operations as routes of the service: one for each path, those without parameters first, so that they win. */
export function routesOf(operations: readonly Operation[]): readonly Route[] {
  const paths = [...new Set(operations.map(({ path }) => path))];
  return paths
    .toSorted((one, other) => Number(one.includes("{")) - Number(other.includes("{")))
    .map((path) => {
      const here = operations.filter((each) => each.path === path);
      return {
        path: API + path.replaceAll(/\{(\w+)\}/g, ":$1"),
        query: here.flatMap(({ query }) => Object.keys(query?.shape ?? {})),
        ...Object.fromEntries(here.map((each) => [each.method, each.answer])),
      };
    });
}

/**
 * A page that a store was asked for. What a cursor looks like is the store's own business, so that only the store can say
 * that one is none.
 *
 * @throws Refusal (400) if `after` is not the `next` of a page
 */
export async function pageOf<Page>(list: () => Page | Promise<Page>): Promise<Page> {
  try {
    return await list();
  } catch (error) {
    const isCursor = error instanceof TypeError && error.message.startsWith("Expected `after`");
    throw isCursor ? new Refusal(400, "Expected `after in the query` to be the `next` of a page") : error;
  }
}

function paramsOf(path: string, template: string): Record<string, string> {
  const segments = path.slice(API.length).split("/");
  const named = template.split("/").map((part, index): [string, string] => [part, segments[index] ?? ""]);
  return Object.fromEntries(
    named
      .filter(([part]) => part.startsWith("{"))
      .map(([part, segment]) => [part.slice(1, -1), decoded(segment, part.slice(1, -1))]),
  );
}

function queryOf(query: string): Record<string, string> {
  const pairs = [...new URLSearchParams(query)];
  const given = Object.fromEntries(pairs);
  // Which of two would count is anybody's guess, and a proxy's may be another one than ours.
  if (Object.keys(given).length !== pairs.length) throw new Refusal(400, "Expected each query parameter at most once");
  return given;
}

/** What a schema makes of a value. The message tells what was expected, and never what came: that may be a token. */
function check<Schema extends z.ZodObject | undefined>(
  schema: Schema,
  value: unknown,
  named: (name: string) => string,
): Output<Schema> {
  if (schema === undefined) return undefined as Output<Schema>;
  const result = schema.safeParse(value);
  if (result.success) return result.data as Output<Schema>;
  const [issue] = result.error.issues;
  const { code, path = [], message = "" } = issue ?? {};
  if (code === "unrecognized_keys") {
    const known = path.length === 0 ? Object.keys(schema.shape) : [];
    const where = path.length === 0 ? "no other fields" : `no other fields in \`${path.join(".")}\``;
    throw new Refusal(400, known.length === 0 ? `Expected ${where}` : `Expected ${where} than ${known.join(", ")}`);
  }
  if (path.length === 0) throw new Refusal(400, "Expected a body that is an object");
  throw new Refusal(400, `Expected \`${named(path.join("."))}\` to be ${message}`);
}

/** Deeper than session data may be, which the library says in its own words, and far less than a recursion could not take. */
const MAX_DEPTH = 300;

/**
 * A body that no later step can stumble over: not nested without end, without `__proto__`, which an assignment would take
 * for the prototype, and without half a surrogate pair, which no UTF-8 can hold.
 *
 * @throws Refusal (400)
 */
function safe(value: unknown, depth = 0): unknown {
  if (typeof value === "string") checkText(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_DEPTH) throw new Refusal(400, `Expected a body nested at most ${MAX_DEPTH} deep`);
  for (const [key, field] of Object.entries(value)) {
    if (key === "__proto__") throw new Refusal(400, "Expected a body without fields named __proto__");
    checkText(key);
    safe(field, depth + 1);
  }
  return value;
}

function checkText(text: string): void {
  if (!text.isWellFormed()) throw new Refusal(400, "Expected a body of well-formed Unicode, got half a surrogate pair");
}
