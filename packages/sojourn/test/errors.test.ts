import { describe, expect, test } from "vitest";
import { ConflictError, httpStatus, StoreError, TooManySessionsError } from "../src/errors.ts";

describe("an error is answered as those of http-errors are", () => {
  test.each([
    [new StoreError("store_unavailable", "down"), 503, false],
    [new ConflictError("again"), 409, true],
    [new TooManySessionsError(5), 409, true],
  ])("%s", (error, status, expose) => {
    // Express looks for `status`, Fastify and Nest for `statusCode`, Koa for `expose` as well.
    expect(error).toMatchObject({ status, statusCode: status, expose });
  });

  test.each(Object.entries(httpStatus).filter(([code]) => code.startsWith("store_")))(
    "what the server got wrong is not for the client to read: %s, %i",
    (code, status) => {
      expect(new StoreError(code as "store_full", "x")).toMatchObject({ status, expose: false });
    },
  );
});
