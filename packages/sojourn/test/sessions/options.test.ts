import { describe, expect, test } from "vitest";
import { createSessions } from "../../src/index.ts";

describe("unknown options", () => {
  test.each([
    ["createSessions", { rotateGrace: "1m" }, "rotationGrace"],
    ["maxPerUser", { maxPerUser: { limit: 1, onlimit: "reject" } }, "onLimit"],
    ["require", { require: { durabilty: "power" } }, "durability"],
  ])("are refused by name: %s", (name, options, near) => {
    expect(() => createSessions(options as object)).toThrow(`Expected an option of \`${name}\`, such as \`${near}\``);
  });

  test("are refused by name: create", () => {
    const options = { absoluteTTL: "1h" } as object;
    expect(() => createSessions().create("ann", {}, options)).toThrow("such as `absoluteTtl`");
  });
});
