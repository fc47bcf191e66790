import { describe, expect, test } from "vitest";
import { ifMatch } from "../../../src/http/api/if-match.ts";

describe("version 3", () => {
  test.each([undefined, "*", '"3"', '"1", "3"', '"1","3"', ' "3" '])("passes If-Match: %s", (header) => {
    expect(() => ifMatch(header)(3)).not.toThrow();
  });
  test.each(['"1"', '"33"', 'W/"3"', '"03"', '""', '"1", W/"3"'])("is another one for If-Match: %s", (header) => {
    expect(() => ifMatch(header)(3)).toThrow(expect.objectContaining({ status: 412, code: "version_mismatch" }));
  });
});

test.each(["3", "", '"3', '"3" "4"', '*, "3"', '"3",', 'w/"3"'])("If-Match: %s is refused", (header) => {
  expect(() => ifMatch(header)).toThrow(expect.objectContaining({ status: 400 }));
});
