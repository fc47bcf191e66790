import { describe, expect, test, vi } from "vitest";
import { auditLog } from "../../src/audit/audit-log.ts";
import type { AuditRecord, AuditType } from "../../src/audit/audit-log.ts";
import type { Mode } from "../../src/store/reply.ts";
import { manage, modes, type Data, type Managed } from "../sessions/support/managers.ts";

/** Everything that can happen to sessions, once. Returns every token that was handed out. */
async function aLife({ sessions, clock }: Managed): Promise<string[]> {
  const device = { ip: "203.0.113.9", userAgent: "curl/8" };
  const first = await sessions.create("ann", { cardNumber: "4111-1111" }, { device });
  const rotated = await sessions.rotate(first.token);
  await sessions.update(first.id, { cardNumber: "4242-4242" });
  await sessions.reauthenticate(first.id);
  clock.advance("2m");
  await sessions.authenticate(rotated?.token);
  await sessions.authenticate(first.token);
  const adopted = await sessions.create("bob", {}, { token: "a token of bob's" });
  await sessions.create("bob", {}, { token: "a token of bob's" });
  await sessions.destroyByUser("bob");
  await sessions.authenticate("a password, pasted into the wrong field");
  const anonymous = await sessions.create(null, {}, { ttl: "1m" });
  clock.advance("1m");
  await sessions.cleanup();
  return [first.token, rotated?.token ?? "", adopted.token, anonymous.token];
}

describe.each(modes)("auditLog: %s", (_, open) => {
  test("writes down who, what, when, where from and why", async () => {
    const managed = manage(open);
    const { sessions, clock } = managed;
    const records: AuditRecord[] = [];
    auditLog(sessions, (record) => void records.push(record));
    const start = clock.now();
    const { id, token } = await sessions.create("ann", {}, { device: { ip: "::1", userAgent: "curl/8" } });
    clock.advance("1m");
    await sessions.destroy(id);
    await sessions.authenticate(token);
    expect(records).toEqual([
      { at: start, type: "created", userId: "ann", sessionId: id, reason: null, ip: "::1", userAgent: "curl/8" },
      {
        at: clock.now(),
        type: "ended",
        userId: "ann",
        sessionId: id,
        reason: "logout",
        ip: "::1",
        userAgent: "curl/8",
      },
      { at: clock.now(), type: "rejected", userId: null, sessionId: id, reason: "unknown", ip: null, userAgent: null },
    ]);
  });

  test("no token, no secret or hash of one, and no data is in any record, of whatever type", async () => {
    const managed = manage(open);
    const { sessions, store } = managed;
    const records: AuditRecord[] = [];
    const types = ["created", "refreshed", "updated", "rotated", "reauthenticated", "ended", "rejected"] as const;
    auditLog(sessions, (record) => void records.push(record), { types });
    const hashes: string[] = [];
    sessions.on("created", () => void collect());
    async function collect(): Promise<void> {
      for (const { meta } of (await store.list({ limit: 100 }, 0)).items)
        hashes.push((JSON.parse(meta) as { h: string }).h);
    }
    const tokens = await aLife(managed);
    expect(new Set(records.map(({ type }) => type))).toEqual(new Set(types));
    expect(hashes.length).toBeGreaterThan(3);
    const text = JSON.stringify(records);
    for (const token of tokens) expect(text).not.toContain(token);
    for (const token of tokens.filter((minted) => minted.startsWith("sess_")))
      expect(text).not.toContain(token.slice(27));
    // An adopted token's hash is its session's id: that one is meant to be there.
    const ids = new Set(records.map(({ sessionId }) => sessionId));
    for (const hash of hashes) expect(ids.has(`sess_${hash}`) || !text.includes(hash)).toBe(true);
    for (const data of ["4111", "4242", "cardNumber", "password"]) expect(text).not.toContain(data);
    expect(records.find(({ reason, userId }) => reason === "unknown" && userId === null)?.sessionId).toBeNull();
  });

  test("writes down only the types that it is asked for, each once", async () => {
    const managed = manage(open);
    const seen: string[] = [];
    auditLog(managed.sessions, ({ type }) => void seen.push(type), { types: ["ended", "ended"] });
    await aLife(managed);
    expect(new Set(seen)).toEqual(new Set(["ended"]));
    expect(seen).toHaveLength(managed.ends.length);
    expect(() => auditLog(managed.sessions, () => {}, { types: ["gone" as AuditType] })).toThrow(/Expected one of/);
    expect(() => auditLog(managed.sessions, {} as never)).toThrow(/Expected `sink`/);
  });

  test("stop detaches it", async () => {
    const { sessions } = manage(open);
    const write = vi.fn<(record: AuditRecord) => void>();
    const { stop } = auditLog(sessions, { write });
    expect(sessions.listens("rejected")).toBe(true);
    stop();
    await sessions.create("u");
    expect(write).not.toHaveBeenCalled();
    expect(sessions.listens("created")).toBe(false);
  });

  test.each<[string, () => void | Promise<void>]>([
    [
      "throws",
      () => {
        throw new Error("disk full");
      },
    ],
    ["rejects", async () => Promise.reject(new Error("disk full"))],
  ])("a sink that %s harms no call, and is reported", async (_kind, write) => {
    const onListenerError = vi.fn<(error: unknown) => void>();
    const { sessions } = manage(open, { onListenerError });
    const log = auditLog(sessions, write);
    const { token, id } = await sessions.create("u", { a: 1 });
    expect(await sessions.authenticate(token)).toMatchObject({ data: { a: 1 } });
    await vi.waitFor(() => expect(onListenerError.mock.calls).toEqual([[new Error("disk full")]]));
    log.stop();

    const onError = vi.fn<(error: unknown, record: AuditRecord) => void>();
    auditLog(sessions, write, { onError });
    expect(await sessions.destroy(id)).toBe(true);
    await vi.waitFor(() => expect(onError).toHaveBeenCalledOnce());
    expect(onError.mock.calls[0]).toEqual([new Error("disk full"), expect.objectContaining({ type: "ended" })]);
    expect(onListenerError).toHaveBeenCalledOnce();
  });

  test("explain tells why a session ended, if the sink remembers", async () => {
    const managed = manage(open);
    const { sessions, clock } = managed;
    const ends = new Map<string, AuditRecord>();
    const audit = auditLog(sessions, {
      write: (record) => void (record.type === "ended" && ends.set(record.sessionId ?? "", record)),
      lastEnd: async (sessionId) => ends.get(sessionId),
    });
    const { token, id } = await sessions.create("u");
    const live = await audit.explain(token);
    expect(live).toMatchObject({ state: "live" });
    await sessions.destroy(id);
    const at = clock.now();
    clock.advance("1h");
    expect(await sessions.explain(token)).toEqual({ state: "unknown-or-ended" });
    expect(await audit.explain(token)).toEqual({ state: "ended", id, reason: "logout", at });
    expect(await audit.explain(`sess_${"A".repeat(65)}`)).toEqual({ state: "unknown-or-ended" });
    expect(await audit.explain("")).toEqual({ state: "malformed" });
    expect(await auditLog(sessions, () => {}).explain(token)).toEqual({ state: "unknown-or-ended" });
  });
});

test("a log takes the events of a manager of any mode and data", () => {
  const { sessions } = manage(modes[0]![1]);
  const log = auditLog<Data, Mode>(sessions, () => {});
  expect(log).toHaveProperty("stop");
});

test("a misspelt option is refused by name", () => {
  const { sessions } = manage(modes[0]![1]);
  const options = { type: ["ended"] } as never;
  expect(() => auditLog(sessions, () => {}, options)).toThrow('such as `types`, got "type"');
});
