import { createSessions } from "sojourn";
import { createAuth } from "sojourn/auth";
import { expect, test } from "vitest";
import { createApp } from "../../src/http/app.ts";

const sessions = createSessions();
const KEY = "correct-horse-battery-staple-42!";
const create = (options: object): unknown => createApp({ sessions, ...options });

test.each<[string, object, RegExp]>([
  ["a name written wrong", { apikey: KEY }, /^Expected an option of `createApp`, such as `apiKey`, got "apikey"$/],
  ["another one", { protectedProbes: true }, /such as `protectProbes`, got "protectedProbes"$/],
  ["a name like no other", { zzzzzzzz: 1 }, /such as one of sessions, apiKey, .*isStopping, got "zzzzzzzz"$/],
  ["a name of the prototype", { toString: 1 }, /got "toString"$/],
  ["no sessions", { sessions: undefined }, /^Expected `sessions` to be a session manager/],
  ["sessions that are none", { sessions: {} }, /^Expected `sessions` to be a session manager/],
  ["a key that is no text", { apiKey: 42 }, /^Expected `apiKey` to be a string$/],
  ["a word for a switch", { open: "false" }, /^Expected `open` to be true or false$/],
  ["a key that opens nothing", { open: true, apiKey: KEY }, /^Expected `open` or `apiKey`, got both/],
  ["an origin alone", { cors: "https://a.example" }, /^Expected `cors` to be a list of origins/],
  ["an origin with a path", { cors: ["https://a.example/"] }, /^Expected `cors`/],
  ["an origin with its own port", { cors: ["https://a.example:443"] }, /^Expected `cors`/],
  ["the origin of a sandbox", { cors: ["null"] }, /^Expected `cors`/],
  ["all origins and one", { open: true, cors: ["*", "https://a.example"] }, /^Expected `cors`/],
  ["all origins on this machine", { cors: ["*"] }, /^Expected `cors: \["\*"\]` with `apiKey`, or with `open: true`$/],
  ["a body of nothing", { maxBody: 0 }, /^Expected `maxBody` to be a positive whole number of bytes$/],
  ["a log that is a function", { log: () => undefined }, /^Expected `log` to be a log/],
  ["keys that are there at once", { jwks: { keys: [] } }, /^Expected `jwks` to be a function$/],
])("%s is refused", (_, options, message) => {
  expect(() => create(options)).toThrow(message);
  expect(() => create(options)).toThrow(TypeError);
  expect(() => create(options)).not.toThrow(KEY);
});

test("what is right is taken", () => {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const all = { maxBody: 1, log, logRequests: true, jwks: () => ({}), isStopping: () => false, protectProbes: true };
  for (const options of [{}, { apiKey: KEY }, { apiKey: undefined }, { open: true, cors: ["*"] }, all])
    expect(() => create(options)).not.toThrow();
  expect(() => createApp({ sessions: createAuth({ jwtSecret: "x".repeat(32) }).sessions })).not.toThrow();
});
