import { describe, expect, test } from "vitest";
import { ConflictError, httpStatus, StoreError, TooManyAttemptsError, TooManySessionsError } from "../src/errors.ts";

describe("an error is answered as those of http-errors are", () => {
  test.each([
    [new StoreError("store_unavailable", "down"), 503, false],
    [new ConflictError("again"), 409, true],
    [new TooManySessionsError(5), 409, true],
  ])("%s", (error, status, expose) => {
    // Express looks for `status`, Fastify and Nest for `statusCode`, Koa for `expose` as well.
    expect(error).toMatchObject({ status, statusCode: status, expose });
  });

  test("the headers of an answer go with it, and its status can be written, as Koa does", () => {
    const error = new TooManyAttemptsError("later", 30);
    expect(error.headers).toEqual({ "Cache-Control": "no-store", "Retry-After": "30" });
    expect(new TooManyAttemptsError("later").headers).toEqual({ "Cache-Control": "no-store" });
    error.status = 503;
    expect(error).toMatchObject({ status: 503, statusCode: 503, expose: false });
    expect(new TooManyAttemptsError("later").status).toBe(429);
    expect(JSON.stringify(error)).not.toContain("status");
  });

  test.each(Object.entries(httpStatus).filter(([code]) => code.startsWith("store_")))(
    "what the server got wrong is not for the client to read: %s, %i",
    (code, status) => {
      expect(new StoreError(code as "store_full", "x")).toMatchObject({ status, expose: false });
    },
  );
});
