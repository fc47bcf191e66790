/** The verification of real files, one for each way to get at them, with the real command. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createSessions } from "sojourn";
import { auditLog } from "sojourn/audit";
import { postgresAuditSink } from "sojourn/audit/postgres";
import { sqliteAuditSink } from "sojourn/audit/sqlite";
import { sqliteStore } from "sojourn/sqlite";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noPostgres } from "../../../sojourn/test/store/support/postgres-binary.ts";
import { startPostgres, type PostgresServer } from "../../../sojourn/test/store/support/postgres-server.ts";
import { inFolder, runCommand, type Ended } from "../support/server-process.ts";

const START = Date.UTC(2026, 0, 1);
const FROM = "2026-01-01T00:00:00.000Z";

/** Writes down what a manager does: a login each second. Returns the head. */
function writeLog(path: string, logins: number): string {
  const sink = sqliteAuditSink({ path });
  let now = START;
  const sessions = createSessions({ clock: { now: () => now } });
  const audit = auditLog(sessions, sink);
  for (let login = 0; login < logins; login++, now += 1_000) sessions.create("ann");
  audit.stop();
  const verified = sink.verify();
  sink.close();
  return verified.intact ? verified.head : "";
}

/** What somebody does who can write the file. */
function tamper(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

async function verify(cwd: string, ...args: readonly string[]): Promise<Ended> {
  return runCommand(["audit", "verify", ...args], { cwd });
}

/** What the command says where there is something to verify. */
const said = (code: 0 | 1, line: string): Partial<Ended> => ({ code, stdout: `${line}\n`, stderr: "" });
/** What it says where there is nothing. */
const refused = (line: unknown): object => ({ code: 2, stdout: "", stderr: line });

describe("a log that is intact", () => {
  test("one line with the number of records, their time and the head, with which it can be verified again", async () => {
    await inFolder(async (cwd) => {
      const path = join(cwd, "audit.db");
      const head = writeLog(path, 3);
      const bytes = readFileSync(path);
      const line = `audit.db is intact: 3 records, from ${FROM} to 2026-01-01T00:00:02.000Z; note its head elsewhere: ${head}`;
      expect(await verify(cwd, "audit.db")).toMatchObject(said(0, line));
      expect(await verify(cwd, "audit.db", "--head", head)).toMatchObject(said(0, line));
      expect(readFileSync(path)).toEqual(bytes);
    });
  });

  test("in a copy with what SQLite has not yet taken over, which stays as it was copied", async () => {
    await inFolder(async (cwd) => {
      const sink = sqliteAuditSink({ path: join(cwd, "audit.db"), batch: 1 });
      const sessions = createSessions();
      auditLog(sessions, sink);
      sessions.create("ann");
      const files = ["", "-wal"].map((end) => [join(cwd, `audit.db${end}`), join(cwd, `copy.db${end}`)] as const);
      for (const [from, to] of files) writeFileSync(to, readFileSync(from));
      sink.close();
      const before = files.map(([, copy]) => readFileSync(copy));
      const { code, stdout } = await verify(cwd, "copy.db");
      expect([code, stdout]).toEqual([0, expect.stringContaining("intact: 1 record, ")]);
      expect(files.map(([, copy]) => readFileSync(copy))).toEqual(before);
    });
  });

  test("with no records, or with its old ones removed", async () => {
    await inFolder(async (cwd) => {
      const path = join(cwd, "audit.db");
      const none = writeLog(path, 0);
      expect(await verify(cwd, path)).toMatchObject(
        said(0, `${path} is intact: 0 records; note its head elsewhere: ${none}`),
      );
      const head = writeLog(path, 3);
      const sink = sqliteAuditSink({ path });
      expect(sink.deleteBefore(START + 2_000)).toBe(2);
      sink.close();
      const at = "2026-01-01T00:00:02.000Z";
      expect(await verify(cwd, path)).toMatchObject(
        said(
          0,
          `${path} is intact: 1 record, from ${at} to ${at}, behind 2 that were removed; note its head elsewhere: ${head}`,
        ),
      );
    });
  });

  test("while a process writes to it", async () => {
    await inFolder(async (cwd) => {
      const path = join(cwd, "audit.db");
      const sink = sqliteAuditSink({ path, batch: 1 });
      const sessions = createSessions();
      auditLog(sessions, sink);
      sessions.create("ann");
      const { code, stdout } = await verify(cwd, path);
      expect([code, stdout]).toEqual([0, expect.stringContaining("intact: 1 record, ")]);
      sessions.create("ann");
      expect(sink.query().items).toHaveLength(2);
      sink.close();
    });
  });
});

describe("a log that is not", () => {
  test.each([
    ["changed", "UPDATE sojourn_audit SET userId = 'bob' WHERE id = 2", "2 was changed, behind 1 record that are"],
    ["taken out", "DELETE FROM sojourn_audit WHERE id = 3", "3 is missing, behind 2 records that are"],
    ["cut off", "DELETE FROM sojourn_audit WHERE id > 3", "4 is missing, behind 3 records that are"],
  ])("a record that was %s", async (_, sql, where) => {
    await inFolder(async (cwd) => {
      const path = join(cwd, "audit.db");
      writeLog(path, 5);
      tamper(path, `DROP TRIGGER sojourn_audit_stays; DROP TRIGGER sojourn_audit_keeps; ${sql}`);
      expect(await verify(cwd, "audit.db")).toMatchObject(
        said(1, `audit.db is not intact: record ${where} as they were written`),
      );
    });
  });

  test("the start of its chain is gone", async () => {
    await inFolder(async (cwd) => {
      const path = join(cwd, "audit.db");
      writeLog(path, 1);
      tamper(path, "DROP TRIGGER sojourn_audit_start_stays; DELETE FROM sojourn_audit_start");
      expect(await verify(cwd, "audit.db")).toMatchObject(
        said(1, "audit.db is not intact: the start of its chain is missing"),
      );
    });
  });

  test("--head finds a log that was written anew, and says where it begins behind the head", async () => {
    await inFolder(async (cwd) => {
      const head = writeLog(join(cwd, "audit.db"), 3);
      writeLog(join(cwd, "anew.db"), 3);
      expect(await verify(cwd, "anew.db")).toMatchObject({ code: 0 });
      expect(await verify(cwd, "anew.db", "--head", head)).toMatchObject(
        said(1, "anew.db is not intact: record 3 was changed, behind 2 records that are as they were written"),
      );
      writeLog(join(cwd, "audit.db"), 3);
      const sink = sqliteAuditSink({ path: join(cwd, "audit.db") });
      sink.deleteBefore(START + 3_000, 4);
      sink.close();
      expect(await verify(cwd, "audit.db", "--head", head)).toMatchObject(
        said(1, "audit.db begins behind record 3, of which the given head is: verify it with a later head"),
      );
    });
  });
});

describe("what cannot be verified is one line, and exit code 2", () => {
  test("a file that is not there, which is not made", async () => {
    await inFolder(async (cwd) => {
      expect(await verify(cwd, "audit.db")).toMatchObject(refused("sojourn: audit.db is not there\n"));
      expect(existsSync(join(cwd, "audit.db"))).toBe(false);
      expect(await verify(cwd, ":memory:")).toMatchObject(refused("sojourn: :memory: is not there\n"));
    });
  });

  test("a folder, a text, an empty file, and the file of a store", async () => {
    await inFolder(async (cwd) => {
      await mkdir(join(cwd, "folder"));
      writeFileSync(join(cwd, "text"), "records\n".repeat(1_000));
      writeFileSync(join(cwd, "empty.db"), "");
      sqliteStore({ path: join(cwd, "store.db") }).close();
      const no = "is no audit log: it";
      expect(await verify(cwd, "folder")).toMatchObject(refused("sojourn: folder is no file\n"));
      expect(await verify(cwd, "text")).toMatchObject(refused(`sojourn: text ${no} is not an SQLite database\n`));
      for (const file of ["empty.db", "store.db"])
        expect(await verify(cwd, file)).toMatchObject(refused(`sojourn: ${file} ${no} has no table sojourn_audit\n`));
    });
  });

  test("a table without a chain", async () => {
    await inFolder(async (cwd) => {
      tamper(join(cwd, "audit.db"), "CREATE TABLE sojourn_audit (id INTEGER PRIMARY KEY, at INTEGER)");
      const line = "sojourn: audit.db has no chain, or has it no longer: its records cannot be verified\n";
      expect(await verify(cwd, "audit.db")).toMatchObject(refused(line));
    });
  });

  test("a head that is none, no file, and a flag that it does not know", async () => {
    await inFolder(async (cwd) => {
      writeLog(join(cwd, "audit.db"), 1);
      const line = /^sojourn: --head: Expected `head` to be that of a verification, got .*\n$/;
      for (const head of ["", "1", "1.abc", "head"])
        expect(await verify(cwd, "audit.db", "--head", head)).toMatchObject(refused(expect.stringMatching(line)));
      expect(await verify(cwd)).toMatchObject(refused(expect.stringMatching(/^sojourn: missing.*\n$/)));
      expect(await verify(cwd, "audit.db", "--fix")).toMatchObject(
        refused(expect.stringMatching(/^sojourn: unknown.*\n$/)),
      );
    });
  });
});

describe.skipIf(noPostgres)("a log in Postgres", () => {
  const PASSWORD = "correct-horse-battery-staple-42!";
  let server: PostgresServer;
  let pool: Pool;
  beforeAll(async () => {
    server = await startPostgres();
    pool = new Pool({ connectionString: server.url });
    await server.ask(`CREATE ROLE auditor LOGIN PASSWORD '${PASSWORD}'`);
  });
  afterAll(async () => {
    await pool?.end();
    await server?.stop();
  });

  /** Three logins in a schema, which the auditor may read. Returns the head. */
  async function writeThere(schema: string): Promise<string> {
    const sink = await postgresAuditSink({ client: pool, schema, migrate: true, deadline: "20s" });
    let now = START;
    const sessions = createSessions({ clock: { now: () => now } });
    const audit = auditLog(sessions, sink);
    for (let login = 0; login < 3; login++, now += 1_000) sessions.create("ann");
    audit.stop();
    const verified = await sink.verify();
    await sink.close();
    await server.ask(`GRANT USAGE ON SCHEMA ${schema} TO auditor`);
    await server.ask(`GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO auditor`);
    return verified.intact ? verified.head : "";
  }

  const urlAs = (role: string, query = "", port = server.port): string =>
    `postgres://${role}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/postgres${query}`;
  const shown = (query = ""): string => `postgres://127.0.0.1:${server.port}/postgres${query}`;

  async function verifyThere(...args: readonly string[]): Promise<Ended> {
    const ended = await inFolder(async (cwd) => verify(cwd, ...args));
    expect(ended.stdout + ended.stderr).not.toContain(PASSWORD);
    return ended;
  }

  test("that is intact is verified by a role that may only read, with its head and in whatever schema", async () => {
    const head = await writeThere("sojourn_audit");
    const found = `is intact: 3 records, from ${FROM} to 2026-01-01T00:00:02.000Z; note its head elsewhere: ${head}`;
    expect(await verifyThere(urlAs("auditor"))).toMatchObject(said(0, `${shown()} ${found}`));
    expect(await verifyThere(urlAs("auditor"), "--head", head)).toMatchObject(said(0, `${shown()} ${found}`));
    const other = await writeThere("elsewhere");
    const { code, stdout } = await verifyThere(urlAs("auditor", "?schema=elsewhere"));
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining(`${shown("?schema=elsewhere")} is intact: 3 records, `),
    ]);
    // The one is not the other.
    expect(await verifyThere(urlAs("auditor"), "--head", other)).toMatchObject({ code: 1 });
  });

  test("that was changed says where", async () => {
    await writeThere("changed");
    const table = "changed.record";
    await server.ask(`ALTER TABLE ${table} DISABLE TRIGGER ALL`);
    await server.ask(`UPDATE ${table} SET user_id = 'bob' WHERE id = 2`);
    const line = "is not intact: record 2 was changed, behind 1 record that are as they were written";
    expect(await verifyThere(urlAs("auditor", "?schema=changed"))).toMatchObject(
      said(1, `${shown("?schema=changed")} ${line}`),
    );
    await server.ask("ALTER TABLE changed.chain DISABLE TRIGGER ALL");
    await server.ask("DELETE FROM changed.chain");
    expect(await verifyThere(urlAs("auditor", "?schema=changed"))).toMatchObject(
      said(1, `${shown("?schema=changed")} is not intact: the start of its chain is missing`),
    );
  });

  test("that cannot be verified is one line, and exit code 2; no tables are made", async () => {
    const none = await verifyThere(urlAs("postgres", "?schema=none"));
    const line = `sojourn: ${shown("?schema=none")}: There are no tables of an audit log in the schema "none"\n`;
    expect(none).toMatchObject(refused(line));
    expect(await server.ask("SELECT FROM pg_namespace WHERE nspname = 'none'")).toEqual([]);
    const notThere = urlAs("auditor", "", 1);
    expect(await verifyThere(notThere)).toMatchObject(refused(expect.stringMatching(/^sojourn: postgres:.*\n$/)));
    await writeThere("headless");
    expect(await verifyThere(urlAs("auditor", "?schema=headless"), "--head", "1")).toMatchObject(
      refused(expect.stringMatching(/^sojourn: --head: Expected `head` to be that of a verification, got .*\n$/)),
    );
    for (const [query, what] of [
      ["?schema=No+name", "Expected `schema` to be"],
      ["?namespace=shop", "an audit log has no namespace"],
    ])
      expect(await verifyThere(urlAs("auditor", query))).toMatchObject(refused(expect.stringContaining(what!)));
    expect(await verifyThere("postgres:")).toMatchObject(
      refused("sojourn: audit verify takes postgres://host:port/database; a name and a password go before the host\n"),
    );
  });
});
