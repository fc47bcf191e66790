import { Validator } from "@seriousme/openapi-schema-validator";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { apiOperations } from "../../../src/http/api/api-routes.ts";
import { problem } from "../../../src/http/api/schemas.ts";
import { apiRequests } from "../../support/api-requests.ts";
import { apiBench, type Got } from "../../support/ask-api.ts";

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}
interface Described {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, { readonly content: object }>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

async function fetched(): Promise<Document> {
  const { status, body } = await apiBench().ask("GET /openapi.json");
  expect(status).toBe(200);
  return body as unknown as Document;
}

const listed = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({ path, method: method.toUpperCase(), described })),
  );

test("the document is valid OpenAPI 3.1, and every reference in it leads somewhere", async () => {
  const document = await fetched();
  expect(await new Validator().validate(structuredClone(document) as unknown as Record<string, unknown>)).toEqual({
    valid: true,
  });
  expect(document.openapi).toBe("3.1.1");
  const names = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]*)"/g)].map(
    ([, name]) => name,
  );
  expect(names.length).toBeGreaterThan(20);
  for (const name of names) expect(Object.keys(document.components.schemas)).toContain(name);
});

test("every operation of the document answers a request as it says, and no other is tested", async () => {
  const document = await fetched();
  const all = listed(document);
  expect(all.map(({ described }) => described.operationId).toSorted()).toEqual(
    Object.keys(apiRequests({ id: "", token: "" })).toSorted(),
  );
  for (const { described } of all) {
    const bench = apiBench();
    const [line, body] = apiRequests(await bench.start())[described.operationId]!;
    const got = await bench.ask(line, body);
    expect(got.status).toBeLessThan(300);
    expectDeclared(described, got);
    const { answers } = apiOperations(bench.sessions).find(({ id }) => id === described.operationId)!;
    expect(answers.safeParse(got.body)).toMatchObject({ success: true });
  }
});

/** That the document has this status for the operation, with this content type. */
function expectDeclared(described: Described, got: Got): void {
  const content = described.responses[got.status]?.content;
  expect([described.operationId, got.status, content && Object.keys(content)]).toEqual([
    described.operationId,
    got.status,
    [got.headers.get("content-type")],
  ]);
}

describe("2,000 requests made from the document", () => {
  test("are answered as it says, and never with a 5xx", async () => {
    const document = await fetched();
    const bench = apiBench();
    const live = [await bench.start(), await bench.start({ userId: "ben" }), await bench.start({ token: "mine" })];
    const statuses = new Map<number, number>();
    let started = 0;
    const made = fc.oneof(...listed(document).map((each) => requestOf(document, each, live)));
    await fc.assert(
      fc.asyncProperty(made, async ({ described, line, body, type, ifMatch }) => {
        const headers = { ...(type === undefined ? {} : { "content-type": type }), ...ifMatch };
        const got = await bench.ask(line, body, headers);
        statuses.set(got.status, (statuses.get(got.status) ?? 0) + 1);
        expect(got.status).toBeLessThan(500);
        expectDeclared(described, got);
        if (got.status >= 400) expect(problem.safeParse(got.body).success).toBe(true);
        // Sessions end by such requests, and tokens are replaced: the next ones find others.
        const { id, token } = got.body;
        if (got.status < 300 && typeof token === "string") live[++started % 3] = { id: id as string, token };
      }),
      { numRuns: 2_000, seed: 42 },
    );
    // Else the requests would show nothing: some work, some are refused, some find nothing.
    for (const status of [200, 201, 400, 404])
      expect([status, (statuses.get(status) ?? 0) > 10]).toEqual([status, true]);
  }, 120_000);
});

interface Made {
  readonly described: Described;
  readonly line: `${string} /${string}`;
  readonly body: unknown;
  readonly type: string | undefined;
  readonly ifMatch: Record<string, string>;
}

/** Requests of an operation: right ones, and some with anything in the place of a part. */
function requestOf(
  document: Document,
  { path, method, described }: { readonly path: string; readonly method: string; readonly described: Described },
  live: readonly { readonly id: string; readonly token: string }[],
): fc.Arbitrary<Made> {
  const text = fc.string({ unit: "binary", maxLength: 40 });
  const named = (name: string): fc.Arbitrary<string> => {
    const known = fc.nat(2).map((index) => live[index]!);
    if (name === "id" || name === "except") return known.map(({ id }) => id);
    if (name === "token") return known.map(({ token }) => token);
    if (name === "limit") return fc.integer({ min: -1, max: 1_001 }).map(String);
    return fc.constantFrom("ann", "ben");
  };
  const segment = (name: string): fc.Arbitrary<string> =>
    fc
      .oneof({ weight: 4, arbitrary: named(name) }, { weight: 1, arbitrary: text })
      // An empty segment, and one that URLs take away, make another path of it.
      .filter((value) => value !== "" && value !== "." && value !== "..");
  const pathOf = fc
    .tuple(...described.parameters.filter((each) => each.in === "path").map(({ name }) => segment(name)))
    .map((values) => values.reduce((made, value) => made.replace(/\{\w+\}/, () => encodeURIComponent(value)), path));
  const names = described.parameters.filter((each) => each.in === "query").map(({ name }) => name);
  const query = fc.array(
    fc
      .oneof({ weight: 9, arbitrary: fc.constantFrom("", ...names) }, { weight: 1, arbitrary: text })
      .chain((name) => fc.oneof(named(name), text).map((value) => [name, value] as const)),
    { maxLength: 2 },
  );
  const [type, media] = Object.entries(described.requestBody?.content ?? {})[0] ?? [];
  const body = media === undefined ? fc.constant(undefined) : valueOf(document, media.schema, named);
  const ifMatch = fc.constantFrom({}, {}, { "if-match": '"1"' }, { "if-match": "*" }, { "if-match": "1" });
  return fc.tuple(pathOf, query, body, ifMatch).map(([at, pairs, value, more]) => {
    const search = new URLSearchParams(
      pairs.filter(([name]) => name !== "").map(([name, to]) => [name, to]),
    ).toString();
    const line = `${method} ${at.replace("/api/v1", "")}${search === "" ? "" : `?${search}`}` as Made["line"];
    return { described, line, body: value === undefined ? undefined : JSON.stringify(value), type, ifMatch: more };
  });
}

/** Values of a schema, and at times anything at all. */
function valueOf(
  document: Document,
  schema: Schema,
  named: (name: string) => fc.Arbitrary<string>,
  name = "",
): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) {
    return valueOf(document, document.components.schemas[schema.$ref.split("/").at(-1)!]!, named, name);
  }
  return fc.oneof(
    { weight: 12, arbitrary: rightValue(document, schema, named, name) },
    { weight: 1, arbitrary: fc.jsonValue() },
  );
}

function rightValue(
  document: Document,
  schema: Schema,
  named: (name: string) => fc.Arbitrary<string>,
  name: string,
): fc.Arbitrary<unknown> {
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((one) => valueOf(document, one, named, name)));
  const types = new Set([schema.type ?? "object"].flat());
  if (types.has("integer"))
    return fc.oneof({ weight: 4, arbitrary: fc.constant(3_600_000) }, fc.constantFrom(0, 1, 60_000, 0.5, 2 ** 53));
  if (types.has("boolean")) return fc.boolean();
  if (types.has("string")) return fc.oneof(named(name), fc.string({ unit: "binary", maxLength: 150 }));
  if (types.has("null")) return fc.constant(null);
  const { properties } = schema;
  if (properties === undefined)
    return fc.dictionary(fc.string({ maxLength: 9 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 4 });
  return fc.record(
    Object.fromEntries(Object.entries(properties).map(([key, each]) => [key, valueOf(document, each, named, key)])),
    { requiredKeys: [...(schema.required ?? [])] },
  );
}
