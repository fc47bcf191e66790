/** What may be set: values that come back as they were. */
import { describe, expect, test } from "vitest";
import { InvalidDataError } from "../../../src/errors.ts";
import { setUp } from "../support/visitor.ts";

const start = () => setUp().web.start(new Request("https://shop.example/"));

describe("what JSON would empty or drop is refused where it is set", () => {
  test.each([
    ["a Map", new Map([["a", 1]]), "got a Map at tags"],
    ["a Set in an array", [new Set(["a"])], "got a Set at tags[0]"],
    ["NaN in an object", { price: Number.NaN }, "got NaN at tags.price"],
    ["undefined in an array", [undefined], "got undefined at tags[0]"],
    ["a function in an object", { run: () => {} }, "got a function at tags.run"],
  ])("%s", async (_, value, shown) => {
    const session = await start();
    for (const set of [() => session.set("tags", value), () => session.flash("tags", value)]) {
      expect(set).toThrow(InvalidDataError);
      expect(set).toThrow(shown);
    }
    expect(session.get("tags")).toBeUndefined();
  });

  test("a Date is written as JSON writes it", async () => {
    const session = await start();
    session.set("at", new Date(0));
    expect(session.get("at")).toBe("1970-01-01T00:00:00.000Z");
  });
});
