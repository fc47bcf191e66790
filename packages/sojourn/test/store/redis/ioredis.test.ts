/** Which clients of ioredis are taken. */
import { Cluster, Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { fromIoredis, type IoredisClient } from "../../../src/store/redis/index.ts";

describe("a client is refused", () => {
  const options = { lazyConnect: true, keyPrefix: "shop:" };
  test.each([
    ["alone", () => new Redis(options)],
    ["of a cluster", () => new Cluster([{ host: "127.0.0.1", port: 1 }], options)],
  ])("with a `keyPrefix`, %s: it would not reach the keys in scripts", (_, create) => {
    const client = create();
    expect(() => fromIoredis(client)).toThrow(/^Expected a client without `keyPrefix`.*use `prefix`$/);
    client.disconnect();
  });

  test("of a cluster that reads from replicas", () => {
    const client = new Cluster([{ host: "127.0.0.1", port: 1 }], { lazyConnect: true, scaleReads: "slave" });
    expect(() => fromIoredis(client)).toThrow(TypeError);
    client.disconnect();
  });

  test.each([undefined, null, {}, { call() {} }])("that is none: %j", (client) => {
    expect(() => fromIoredis(client as unknown as IoredisClient)).toThrow("Expected a client of ioredis");
  });
});
