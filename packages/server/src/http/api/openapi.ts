/** The OpenAPI 3.1 document of the API, made from the descriptions of its operations. */
import * as z from "zod";
import { answer, type Answer } from "../answer.ts";
import type { Route } from "../router.ts";
import type { Description } from "./operation.ts";
import { API, PROBLEM_TYPE } from "./problem.ts";
import * as schemas from "./schemas.ts";

const PROBLEMS: Readonly<Record<number, string>> = {
  400: "What came is not what was expected.",
  401: "The API key is missing, or another one.",
  403: "The request is for another host, or a page of another origin made it.",
  404: "There is no such live session.",
  409: "Others came first, all sessions of the user were ended meanwhile, or the user has as many as there may be.",
  412: "The session's data has another version by now.",
  413: "The body is too large.",
  415: "The body has another content type.",
  500: "The server failed.",
  503: "The store did not answer; nothing is known about the session.",
};

/** Under `openapi.json`: what there is to ask, for programs that make clients and pages of it. */
export function openApiRoute(operations: readonly Description[]): Route {
  let made: Answer | undefined;
  return { path: `${API}/openapi.json`, GET: () => (made ??= answer(200, openApiDocument(operations))) };
}

export function openApiDocument(operations: readonly Description[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const each of operations) (paths[API + each.path] ??= {})[each.method.toLowerCase()] = operationObject(each);
  return {
    openapi: "3.1.1",
    info: {
      title: "sojourn",
      version: "1",
      description: "Sessions over HTTP: start, authenticate, change, list and end them.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    security: [{ apiKey: [] }],
    paths,
    components: {
      schemas: namedSchemas(),
      securitySchemes: {
        apiKey: { type: "http", scheme: "bearer", description: "Without an API key, only the own machine may ask." },
      },
    },
  };
}

function operationObject(each: Description): object {
  const { id, summary, params, query, headers = {}, body, bodyType = "application/json", status = 200 } = each;
  const names = Object.entries(headers).map(([name, description]) => ({
    name,
    in: "header",
    required: false,
    description,
    schema: { type: "string" },
  }));
  return {
    operationId: id,
    summary,
    parameters: [...parameters("path", params), ...parameters("query", query), ...names],
    ...(body === undefined ? {} : { requestBody: { required: true, content: { [bodyType]: { schema: ref(body) } } } }),
    responses: {
      [status]: {
        description: summary,
        ...(each.hasVersion === true ? { headers: { ETag: VERSION } } : {}),
        content: { "application/json": { schema: ref(each.answers) } },
      },
      ...Object.fromEntries(problemsOf(each).map((code) => [code, problemResponse(code)])),
    },
  };
}

const VERSION = { description: 'The version of the data, such as "3".', schema: { type: "string" } };

function problemsOf({ body, mayAnswer = [] }: Description): readonly number[] {
  return [400, 401, 403, ...mayAnswer, ...(body === undefined ? [] : [413, 415]), 500, 503];
}

function problemResponse(status: number): object {
  return {
    description: PROBLEMS[status],
    ...(status === 503 ? { headers: { "Retry-After": { description: "Seconds.", schema: { type: "integer" } } } } : {}),
    content: { [PROBLEM_TYPE]: { schema: ref(schemas.problem) } },
  };
}

function parameters(where: "path" | "query", schema: z.ZodObject | undefined): readonly object[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = property as { readonly description?: string };
    return { name, in: where, required: required.includes(name), description, schema: rest };
  });
}

function ref(schema: z.ZodType): object {
  return { $ref: uri(schema.meta()?.id ?? "") };
}

const uri = (id: string): string => `#/components/schemas/${id}`;

/** Every schema that has an id, by that. */
function namedSchemas(): Record<string, object> {
  const named = z.registry<{ id: string }>();
  for (const schema of Object.values(schemas)) {
    const id = schema.meta()?.id;
    if (id !== undefined) named.add(schema, { id });
  }
  const { schemas: made } = z.toJSONSchema(named, { uri, io: "input", unrepresentable: "any" });
  return Object.fromEntries(
    Object.entries(made).map(([id, { $id: _id, $schema: _schema, ...schema }]) => [id, schema]),
  );
}
