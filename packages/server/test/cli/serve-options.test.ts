/** Options that cannot be followed: one clear line on standard error, and exit code 2. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { isLoopback } from "../../src/cli/serve-options.ts";
import { httpClient } from "../support/http-client.ts";
import { inFolder, runCommand, withServer } from "../support/server-process.ts";

const KEY = "correct-horse-battery-staple-42!";

test.each<[string, readonly string[], RegExp, Record<string, string>?]>([
  [
    "an unknown store",
    ["--store", "mysql:x"],
    /--store must be sqlite:<path>, redis:\/\/<host>:<port>, postgres:\/\/<host>:<port>\/<database> or memory:/,
  ],
  ["a store without a scheme", ["--store", "sojourn.db"], /--store must be/],
  ["Redis where none listens", ["--store", `redis://u:${KEY}@127.0.0.1:1`], /127\.0\.0\.1:1: nothing listens there/],
  ["Redis without a host", ["--store", `redis:u:${KEY}@`], /--store takes redis:\/\/host:port/],
  ["a path in Redis", ["--store", `redis://u:${KEY}@localhost/sessions`], /takes the number of a database/],
  ["what Redis does not know", ["--store", `redis://localhost?password=${KEY}`], /knows no parameter password/],
  ["no number of shards", ["--store", "redis://localhost?shards=many"], /takes a whole number of shards/],
  ["SQLite without a path", ["--store", "sqlite:"], /needs a path/],
  ["SQLite in memory", ["--store", "sqlite::memory:"], /use memory:/],
  ["a URL for a path", ["--store", "sqlite:///tmp/x.db"], /a path after sqlite:/],
  ["something after memory:", ["--store", "memory:x"], /takes nothing/],
  ["a port that is no number", ["--port", "http"], /--port must be a whole number from 0 to 65535, got "http"/],
  ["a port too high", ["--port", "65536"], /--port must be/],
  ["a negative port", ["--port", "-1"], /--port must be/],
  ["a ttl without a unit", ["--ttl", "30"], /--ttl.*Expected `ttl` to be a positive duration/],
  ["a ttl in words", ["--ttl", "half an hour"], /Expected `ttl`.*got "half an hour"/],
  ["a ttl of nothing", ["--ttl", "0s"], /Expected `ttl`/],
  ["an absolute ttl under the ttl", ["--ttl", "2h", "--absolute-ttl", "1h"], /at most `absoluteTtl`/],
  ["a body limit of nothing", ["--max-body", "0"], /--max-body must be/],
  ["a body limit in words", ["--max-body", "16kb"], /--max-body must be/],
  ["an unknown log level", ["--log-level", "loud"], /--log-level.*loud.*info/],
  ["an unknown log format", ["--log-format", "xml"], /--log-format.*xml.*json, text/],
  ["an unknown option", ["--prot", "1"], /unknown option '--prot'.*--port/],
  ["an unknown option with a value", [`--api-kye=${KEY}`], /unknown option '--api-kye'/],
  ["an option without its value", ["--port"], /--port.*missing/],
  ["an argument too many", ["now"], /too many arguments/],
  ["every address without a key", ["--host", "0.0.0.0"], /--host 0\.0\.0\.0 can be reached.*API key/],
  ["every IPv6 address without a key", ["--host", "::"], /API key/],
  ["a name without a key", ["--host", "example.com"], /API key/],
  ["no host", ["--host", ""], /--host must be/],
  [
    "a host that is not here",
    ["--host", "192.0.2.1", "--api-key", KEY],
    /192\.0\.2\.1 is not an address of this machine/,
  ],
  ["a short key", ["--api-key", KEY.slice(0, 15)], /16 to 1024 characters \(32.*got 15/],
  ["an open service with a key", ["--open"], /--open asks nobody for a key/, { SOJOURN_API_KEY: KEY }],
  ["a word that is neither yes nor no", ["--open=maybe"], /--open must be yes or no, got "maybe"/],
  ["a variable that is neither", [], /--open must be yes or no, got ""/, { SOJOURN_OPEN: "" }],
  ["another variable", [], /--protect-probes must be yes or no/, { SOJOURN_PROTECT_PROBES: "2" }],
  ["an origin with a path", ["--cors", "https://app.example.com/"], /--cors takes origins without a path/],
  ["all origins and one", ["--open", "--cors", "*,https://a.example"], /--cors takes origins.*\* alone/],
  ["all origins without a gate", ["--cors", "*"], /--cors \* lets every page ask.*--api-key or --open/],
  ["an option like --open", ["--opne"], /unknown option '--opne'.*--open/],
  ["a port in a variable", [], /--port must be/, { SOJOURN_MAX_BODY: "1", SOJOURN_PORT: "x" }],
  ["a log level in a variable", [], /SOJOURN_LOG_LEVEL/, { SOJOURN_LOG_LEVEL: "loud" }],
  ["an empty key", [], /SOJOURN_API_KEY.*got 0/, { SOJOURN_API_KEY: "" }],
  ["a key that no header can carry", [], /visible ASCII/, { SOJOURN_API_KEY: `${KEY} ${KEY}` }],
])("%s", async (_, args, message, env = {}) => {
  await inFolder(async (cwd) => {
    const port = "SOJOURN_PORT" in env ? [] : ["--port", "0"];
    const { code, stdout, stderr } = await runCommand(["serve", ...port, ...args], { cwd, env });
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^sojourn: [^\n]+\n$/);
    expect(stderr).not.toContain(KEY.slice(0, 15));
    expect([code, stdout]).toEqual([2, ""]);
    // Neither was a database made for a server that does not start, unless only its start could tell.
    expect((await readdir(cwd)).join()).toBe(args.includes("192.0.2.1") ? "sojourn.db" : "");
  });
});

/** Starts a server that cannot start, and returns the line that says why. */
async function refused(cwd: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(["serve", "--port", "0", ...args], { cwd });
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toMatch(/^sojourn: [^\n]+\n$/);
  return stderr;
}

describe("what is found only on the way", () => {
  test("a port that is in use", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    await inFolder(async (cwd) => {
      expect(await refused(cwd, "--port", String(port))).toContain(`port ${port} on 127.0.0.1 is in use`);
    });
    other.close();
  });

  test("a folder that is not there", async () => {
    await inFolder(async (cwd) => {
      expect(await refused(cwd, "--store", "sqlite:./no/such/folder/s.db")).toContain("sqlite:./no/such/folder/s.db");
    });
  });

  test("a folder in place of a file", async () => {
    await inFolder(async (cwd) => {
      await mkdir(join(cwd, "s.db"));
      expect(await refused(cwd, "--store", "sqlite:s.db")).toContain("sqlite:s.db");
    });
  });

  test("a file that is no database, and stays as it is", async () => {
    await inFolder(async (cwd) => {
      const letter = "This is a letter to my mother. ".repeat(1_000);
      await writeFile(join(cwd, "s.db"), letter);
      expect(await refused(cwd, "--store", "sqlite:s.db")).toMatch(/sqlite:s\.db: .*not an? (SQLite )?database/);
      expect(await readFile(join(cwd, "s.db"), "utf8")).toBe(letter);
    });
  });

  test("a file that a newer version has written", async () => {
    await inFolder(async (cwd) => {
      await withServer(["--store", "sqlite:s.db"], { cwd }, async ({ stop }) => stop());
      const database = new DatabaseSync(join(cwd, "s.db"));
      database.exec("UPDATE sojourn_schema SET version = version + 1");
      database.close();
      expect(await refused(cwd, "--store", "sqlite:s.db")).toMatch(/sqlite:s\.db: .*version/);
    });
  });
});

describe("what can be asked of the command", () => {
  test("--version", async () => {
    const { code, stdout } = await runCommand(["--version"], { cwd: "/" });
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
  });

  test("--help, which does not show the key", async () => {
    const { code, stdout } = await runCommand(["serve", "--help"], { cwd: "/", env: { SOJOURN_API_KEY: KEY } });
    expect(code).toBe(0);
    const options = stdout.split(/^ {2}(?=-)/m).filter((text) => text.startsWith("--"));
    expect(options.length).toBeGreaterThan(10);
    for (const text of options) {
      const name = /^--([\w-]+)/.exec(text)?.[1] ?? "";
      expect(text.replaceAll(/\s+/g, " ")).toContain(`env: SOJOURN_${name.toUpperCase().replaceAll("-", "_")})`);
    }
    expect(stdout).toMatch(/list of\s+processes/);
    expect(stdout).not.toContain(KEY);
  });

  test("nothing, which is answered with the help", async () => {
    const { code, stdout, stderr } = await runCommand([], { cwd: "/" });
    expect([code, stdout + stderr]).toEqual([2, expect.stringContaining("Usage: sojourn")]);
  });

  test("an unknown command", async () => {
    const { code, stderr } = await runCommand(["server"], { cwd: "/" });
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^sojourn: unknown command 'server'.*serve[^\n]*\n$/)]);
  });
});

test("with a key, it listens on every address, and asks everybody for it", async () => {
  await inFolder(async (cwd) => {
    const args = ["--host", "0.0.0.0", "--store", "memory:"];
    await withServer(args, { cwd, env: { SOJOURN_API_KEY: KEY } }, async ({ url, stdout, stop }) => {
      const here = url.replace("0.0.0.0", "127.0.0.1");
      expect(await httpClient(here).active()).toMatch(/^401 /);
      expect(await httpClient(here, { authorization: `Bearer ${KEY}` }).active()).toBe("200 0");
      expect(stdout()).toContain("Every request needs the API key, but /healthz and /readyz\n");
      for (const probe of ["/healthz", "/readyz"]) expect((await fetch(here + probe)).status).toBe(200);
      expect(stdout()).toContain("Bearer $SOJOURN_API_KEY");
      expect(stdout()).not.toContain(KEY);
      await stop();
    });
  });
});

test("variables stand for flags, and flags go before them", async () => {
  await inFolder(async (cwd) => {
    const env = {
      SOJOURN_STORE: "memory:",
      SOJOURN_HOST: "127.0.0.2",
      SOJOURN_PORT: "1",
      SOJOURN_TTL: "1m",
      SOJOURN_ABSOLUTE_TTL: "1h",
      SOJOURN_API_KEY: KEY,
      SOJOURN_OPEN: "no",
      SOJOURN_CORS: "https://a.example, https://b.example",
      SOJOURN_PROTECT_PROBES: "true",
      SOJOURN_MAX_BODY: "100",
      SOJOURN_LOG_LEVEL: "info",
      SOJOURN_LOG_FORMAT: "json",
    };
    // The port is given as a flag, and differs.
    await withServer([], { cwd, env }, async ({ url, stdout, stop }) => {
      expect(url).toMatch(/^http:\/\/127\.0\.0\.2:(?!1$)/);
      expect(stdout()).toContain("in memory");
      expect(stdout()).toContain("Pages of https://a.example, https://b.example may ask, too\n");
      expect((await fetch(`${url}/healthz`)).status).toBe(401);
      const headers = { authorization: `Bearer ${KEY}`, origin: "https://b.example" };
      const answer = await fetch(`${url}/sessions`, { headers });
      expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, "https://b.example"]);
      expect(await httpClient(url, headers).login("t".repeat(80), "u_42")).toMatch(/^413 .*at most 100 bytes/);
      expect((await stop()).stdout).toMatch(/^\{.*"msg":"request"/m);
    });
  });
});

test("--open: everybody may ask, on every address, and the start says what that means", async () => {
  await inFolder(async (cwd) => {
    const args = ["--open", "--host", "0.0.0.0", "--store", "memory:", "--cors", "*"];
    await withServer(args, { cwd }, async ({ url, stdout }) => {
      expect(stdout()).toMatch(
        /^It is open to everybody.*log in as any user.*end every session whose token they know/m,
      );
      const headers = { origin: "https://app.example.com" };
      const here = url.replace("0.0.0.0", "127.0.0.1");
      expect(await httpClient(here, headers).login("t1", "u_42")).toBe('201 "ok"');
      expect(await httpClient(here, headers).whoami("t1")).toBe('200 "u_42"');
      const { headers: got } = await fetch(`${here}/sessions`, { headers });
      expect(got.get("access-control-allow-origin")).toBe("*");
    });
  });
});

test("IPv6", async () => {
  await inFolder(async (cwd) => {
    await withServer(["--host", "::1", "--store", "memory:"], { cwd }, async ({ url }) => {
      expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
      expect(await httpClient(url).active()).toBe("200 0");
    });
  });
});

test.each([
  ["127.0.0.1", true],
  ["127.255.0.9", true],
  ["::1", true],
  ["0:0:0:0:0:0:0:1", true],
  ["localhost", true],
  ["LocalHost", true],
  ["0.0.0.0", false],
  ["::", false],
  ["10.0.0.1", false],
  ["::2", false],
  ["localhost.evil.example", false],
  ["127.0.0.1.evil.example", false],
  ["127.1", false],
])("only this machine reaches %s: %s", (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
