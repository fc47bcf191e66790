import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../src/tokens/crypto.ts";
import { TokenMemory } from "../../src/tokens/token-memory.ts";
import { mintToken, readToken, secretKey, type Credential } from "../../src/tokens/token.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const KEY = secretKey();

function credentialOf(token: string): Credential {
  const credential = readToken(token);
  if (credential === undefined) throw new Error("expected a credential");
  return credential;
}

/** Presents a token twice, as the memory wants it. */
function remember(memory: TokenMemory, token: string): void {
  const { id, secret } = credentialOf(token);
  for (let times = 0; times < 2; times++) memory.note(token, id, sha256(secret));
}

describe("a token is remembered", () => {
  test("at its second sight, as what reading and hashing it gives", () => {
    const memory = new TokenMemory(100);
    const { token, id, secret, hash } = mintToken(KEY);
    memory.note(token, id, hash);
    expect(memory.find(token)).toBeUndefined();
    memory.note(token, id, hash);
    expect(memory.find(token)).toMatchObject({ id, secret, hash });
  });

  test.each(["t", "tok_1", "päßwört", "x".repeat(128), "🔑".repeat(128), "sess_"])(
    "also one that the caller brought: %s",
    (token) => {
      const memory = new TokenMemory(100);
      remember(memory, token);
      expect(memory.find(token)).toMatchObject({ ...credentialOf(token) });
      expect(memory.find(`${token}x`)).toBeUndefined();
      expect(memory.find(`x${token}`)).toBeUndefined();
    },
  );

  test("and one that differs in any single character is another", () => {
    const memory = new TokenMemory(100);
    const { token } = mintToken(KEY);
    remember(memory, token);
    for (let place = 0; place < token.length; place++) {
      const other = `${token.slice(0, place)}${token[place] === "A" ? "B" : "A"}${token.slice(place + 1)}`;
      expect(memory.find(other)).toBeUndefined();
    }
    expect(memory.find(token)).toBeDefined();
  });

  test("and never answers for another, whatever the texts have in common", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "\u0161", "a\u0161"), minLength: 1, maxLength: 12 });
    let found = 0;
    fc.assert(
      fc.property(fc.array(text, { maxLength: 40 }), fc.array(text, { maxLength: 20 }), (tokens, others) => {
        const memory = new TokenMemory(20);
        for (const token of tokens) remember(memory, token);
        for (const token of [...tokens, ...others]) {
          const known = memory.find(token);
          if (known === undefined) continue;
          found++;
          expect(known).toMatchObject({ id: credentialOf(token).id, secret: token });
        }
      }),
      { numRuns: 300 },
    );
    expect(found).toBeGreaterThan(1_000);
  });
});

describe("the bound", () => {
  test.each([1, 2, 7, 9, 100, 1_000])("of %i tokens holds, and is used", (max) => {
    const memory = new TokenMemory(max);
    const tokens = Array.from({ length: 5_000 }, () => mintToken(KEY).token);
    for (const token of tokens) remember(memory, token);
    const found = tokens.filter((token) => memory.find(token) !== undefined).length;
    expect(found).toBeLessThanOrEqual(max);
    expect(found).toBeGreaterThanOrEqual(Math.floor(max * 0.8));
  });

  test("leaves room for nearly all of half as many, presented in turn", () => {
    const memory = new TokenMemory(1_000);
    const tokens = Array.from({ length: 500 }, () => mintToken(KEY).token);
    for (let round = 0; round < 5; round++) {
      for (const token of tokens) if (memory.find(token) === undefined) memory.note(token, token.slice(0, 27), "hash");
    }
    expect(tokens.filter((token) => memory.find(token) !== undefined).length).toBeGreaterThan(450);
  });

  test("holds for tokens that were made to meet in one place, and costs the others nothing", () => {
    const memory = new TokenMemory(1_000);
    // Whose set is another one.
    const token = `sess_${"A".repeat(22)}${"B".repeat(43)}`;
    remember(memory, token);
    // All end alike, so that they are in one set, under one mark.
    for (let index = 0; index < 5_000; index++) remember(memory, `${index} crafted`);
    expect(memory.find(token)).toBeDefined();
  });
});

test("what is pushed out is let go of", () => {
  const memory = new TokenMemory(100);
  const keep = (): void => {
    for (let index = 0; index < 2_000; index++) remember(memory, mintToken(KEY).token);
    collect();
  };
  keep();
  const before = process.memoryUsage().heapUsed;
  for (let round = 0; round < 5; round++) keep();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(500_000);
});

test("what is kept is the token, and not the header that it was cut out of", () => {
  const memory = new TokenMemory(2_000);
  const tokens = Array.from({ length: 1_000 }, () => mintToken(KEY));
  collect();
  const before = process.memoryUsage().heapUsed;
  for (const { token, id, hash } of tokens) {
    for (let times = 0; times < 2; times++) {
      const header = Buffer.from(`${"y".repeat(8_000)}${token}`).toString("latin1");
      memory.note(header.slice(8_000), id, hash);
    }
  }
  collect();
  expect((process.memoryUsage().heapUsed - before) / tokens.length).toBeLessThan(1_500);
  expect(memory.find(tokens.at(-1)?.token ?? "")).toBeDefined();
});
