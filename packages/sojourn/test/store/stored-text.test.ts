import fc from "fast-check";
import { expect, test } from "vitest";
import { sqliteStore } from "../../src/store/sqlite/index.ts";
import { endOfPrefix, fromStored, toStored } from "../../src/store/stored-text.ts";
import { entry, now } from "./sqlite/support/folder.ts";

/** Strings with lone surrogates, and with the character that marks them. */
const anyText = fc
  .array(
    fc.oneof(fc.constantFrom("\ud800", "\udfff", "\u{10FFFF}", "ffff", "d800", "\0", "é", "😀", "\ud7ff"), fc.string()),
  )
  .map((parts) => parts.join(""));

const bytes = (text: string): Buffer => Buffer.from(text);

test("every string comes back, and two never become one", () => {
  fc.assert(
    fc.property(anyText, anyText, (a, b) => {
      expect(toStored(a)).toSatisfy((stored: string) => stored.isWellFormed() && !stored.includes("\0"));
      expect(fromStored(toStored(a))).toBe(a);
      expect(toStored(a) === toStored(b)).toBe(a === b);
    }),
  );
});

test("a string is below the end of a prefix exactly if it begins with it, or comes before it", () => {
  fc.assert(
    fc.property(anyText.map(toStored), anyText.map(toStored), (prefix, rest) => {
      const end = endOfPrefix(prefix);
      if (end === undefined) return;
      expect(Buffer.compare(bytes(prefix + rest), bytes(end))).toBe(-1);
      const inside = Buffer.compare(bytes(rest), bytes(prefix)) >= 0 && Buffer.compare(bytes(rest), bytes(end)) < 0;
      expect(inside).toBe(rest.startsWith(prefix));
    }),
  );
});

test("a prefix of nothing but the last character has no end", () => {
  expect(endOfPrefix("\u{10FFFF}\u{10FFFF}")).toBeUndefined();
  expect(endOfPrefix("")).toBeUndefined();
  expect(endOfPrefix("a\u{10FFFF}")).toBe("b");
  expect(endOfPrefix("\ud7ff")).toBe("\ue000");
});

test("keys, owners and values that are not well-formed are kept apart in the store", () => {
  const store = sqliteStore({ path: ":memory:" });
  const odd = ["\ud800", "\ud801", "\ufffd", "\u{10FFFF}", "\u{10FFFF}d800", "a\0b", "a\0c"];
  for (const text of odd) store.put(entry(text, { owner: text, meta: text, value: text }), null, now);
  for (const text of odd) {
    expect(store.get(text, now)).toMatchObject({ key: text, owner: text, meta: text, value: text });
    expect(store.listByOwner(text, { limit: 10 }, now).items.map(({ key }) => key)).toEqual([text]);
  }
  expect(store.list({ limit: 10, prefix: "a\0" }, now).items.map(({ key }) => key)).toEqual(["a\0b", "a\0c"]);
  expect(store.list({ limit: 10, prefix: "\u{10FFFF}" }, now).items.length).toBe(2);
  store.close();
});
