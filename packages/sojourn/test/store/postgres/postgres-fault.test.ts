/** What an error says, if it is none that the store knows. */
import { expect, test } from "vitest";
import { postgresFault } from "../../../src/store/postgres/postgres-fault.ts";

test.each([
  ["of the server", "22003", /^Postgres refuses the statement \(out of range\)$/],
  ["of the network", "ECONNREFUSED", /^Postgres could not be reached \(out of range\)$/],
  ["of the server that ends with its connection", "57P05", /^Postgres could not be reached \(out of range\)$/],
])("an unknown error %s", (_, code, message) => {
  const fault = postgresFault(Object.assign(new Error("out of range"), { code }));
  expect(fault).toMatchObject({ code: "store_unavailable", message: expect.stringMatching(message) });
});
