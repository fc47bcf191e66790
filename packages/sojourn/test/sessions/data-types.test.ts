/** Which data a manager can be made for: what does not compile here does not compile for a user. */
import { expect, test } from "vitest";
import { createSessions } from "../../src/index.ts";

interface Cart {
  readonly items: readonly { readonly id: string; readonly n?: number }[];
  readonly note?: string | undefined;
  readonly paid: boolean | null;
}

test("what JSON gives back as it was compiles", () => {
  const made = [
    createSessions<Cart>(),
    createSessions<{ role: "a" | "b"; tags: Record<string, number[]>; pair: [string, number | null] }>(),
    createSessions<{ anything: unknown }>(),
    createSessions(),
  ];
  expect(made).toHaveLength(4);
});

test("what it would change, or drop, does not", () => {
  const made = [
    // @ts-expect-error -- a Date comes back as a text
    createSessions<{ at: Date }>(),
    // @ts-expect-error -- also inside of something
    createSessions<{ list?: readonly { deep: Date }[] }>(),
    // @ts-expect-error -- a Map is emptied
    createSessions<{ map: Map<string, number> }>(),
    // @ts-expect-error -- a function is dropped
    createSessions<{ run: () => void }>(),
    // @ts-expect-error -- a BigInt is refused
    createSessions<{ n: bigint }>(),
    // @ts-expect-error -- a symbol is dropped
    createSessions<{ s: symbol }>(),
  ];
  expect(made).toHaveLength(6);
});
