/** Real nginx and Caddy in front of an app that knows nothing of sessions, configured as in the docs. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { serveApp } from "../../support/listening.ts";
import { cookieIn, verifyBench, type VerifyBench } from "../../support/verify-bench.ts";

const DOCS = readFileSync(new URL("../../../../../docs/forward-authentication.md", import.meta.url), "utf8");

/** The block of the docs under a heading, with the ports of a test in place of those of the docs. */
function fromDocs(heading: string, ports: Readonly<Record<string, number>>): string {
  const block = new RegExp(`\n## ${heading}\n[^]*?\`\`\`text\n([^]*?)\`\`\``).exec(DOCS)?.[1] ?? "";
  expect(block).not.toBe("");
  return block.replaceAll(/\b(?:3000|3001|8080|8787)\b/g, (port) => String(ports[port]));
}

const PROXIES = [
  {
    name: "nginx",
    command: "nginx",
    configure: (folder: string, ports: Readonly<Record<string, number>>): readonly string[] => {
      const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
        (each) => `${each}_temp_path ${folder};`,
      );
      const conf = `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events {} http { access_log off; ${temporary.join(" ")} ${fromDocs("nginx", ports)} }`;
      writeFileSync(join(folder, "nginx.conf"), conf);
      return ["-p", folder, "-c", join(folder, "nginx.conf"), "-e", join(folder, "error.log")];
    },
  },
  {
    name: "Caddy",
    command: "caddy",
    configure: (folder: string, ports: Readonly<Record<string, number>>): readonly string[] => {
      writeFileSync(join(folder, "Caddyfile"), `{\n\tadmin off\n}\n${fromDocs("Caddy", ports)}`);
      return ["run", "--adapter", "caddyfile", "--config", join(folder, "Caddyfile")];
    },
  },
] as const;

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(handler: Handler): Promise<number> {
  const server: Server = createServer(handler);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Signs in and out, with the library. All else is behind the proxy's check. */
function loginService({ web }: VerifyBench): Handler {
  return (request, response) => {
    const session = web.start(request);
    if (request.url === "/login") session.login("jürgen", { role: "admin" });
    else session.logout();
    session.commit(response);
    response.end("done");
  };
}

/** Knows nothing of sessions: it tells what came. */
const app: Handler = (request, response) => {
  const told = Object.entries(request.headers).filter(([name]) => name.startsWith("x-sojourn-"));
  let body = "";
  request.on("data", (data: Buffer) => (body += data.toString()));
  request.on("end", () => {
    response.setHeader("x-got", `${request.method} ${request.url} ${body}`);
    response.end(JSON.stringify(Object.fromEntries(told)));
  });
};

interface Site {
  readonly bench: VerifyBench;
  ask(path: string, headers?: Record<string, string>, method?: string, body?: string): Promise<Response>;
}

async function site({ command, configure }: (typeof PROXIES)[number]): Promise<Site> {
  const bench = verifyBench(["role"]);
  const service = await serveApp(bench.service.app);
  onTestFinished(async () => void (await service.close(100)));
  const port = await freePort();
  const ports = {
    3000: await serve(app),
    3001: await serve(loginService(bench)),
    8080: port,
    8787: Number(new URL(service.url).port),
  };
  const folder = mkdtempSync(join(tmpdir(), "sojourn-proxy-"));
  const proxy = spawn(command, configure(folder, ports), {
    env: { ...process.env, HOME: folder },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  proxy.stderr.on("data", (text: Buffer) => (said += text.toString()));
  const ended = new Promise<void>((resolve) => proxy.once("exit", () => resolve()));
  onTestFinished(async () => {
    proxy.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  await untilOpen(port, () => proxy.exitCode === null || said);
  return {
    bench,
    ask: async (path, headers = {}, method = "GET", body?: string) =>
      fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        headers,
        redirect: "manual",
        ...(body === undefined ? {} : { body }),
      }),
  };
}

/** @throws Error with what the proxy has said, if it has ended instead */
async function untilOpen(port: number, state: () => true | string): Promise<void> {
  for (;;) {
    if (state() !== true) throw new Error(`The proxy has ended: ${String(state())}`);
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      socket.on("close", () => socket.destroy());
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe.each(PROXIES)("$name", (proxy) => {
  const isHere = spawnSync(proxy.command, ["version"]).error === undefined;

  test.skipIf(!isHere)("login, page, logout", async () => {
    const { ask } = await site(proxy);
    expect((await ask("/")).status).toBe(401);
    const login = await ask("/login", {}, "POST");
    expect(login.status).toBe(200);
    const cookie = cookieIn(login.headers);
    const page = await ask("/", { cookie });
    expect(page.status).toBe(200);
    expect(await page.json()).toEqual({
      "x-sojourn-user": "j%C3%BCrgen",
      "x-sojourn-session": expect.stringMatching(/^sess_/),
      "x-sojourn-data-role": "admin",
    });
    expect((await ask("/logout", { cookie }, "POST")).status).toBe(200);
    expect((await ask("/", { cookie })).status).toBe(401);
  });

  test.skipIf(!isHere)("what a client says of itself never reaches the app", async () => {
    const { ask, bench } = await site(proxy);
    const lies = {
      "x-sojourn-other": "root",
      "x-sojourn-user": "root",
      "x-sojourn-session": "sess_lie",
      "x-sojourn-data-role": "root",
    };
    expect((await ask("/", lies)).status).toBe(401);
    const cookie = await bench.login("ann");
    const told = (await (await ask("/", { ...lies, cookie })).json()) as Record<string, string>;
    // nginx cannot take away what it does not name, as the docs say.
    if (proxy.name === "Caddy") expect(told).not.toHaveProperty("x-sojourn-other");
    // The session has no such field: nginx sends no header then, Caddy an empty one.
    expect(told["x-sojourn-data-role"] ?? "").toBe("");
    expect(told["x-sojourn-user"]).toBe("ann");
    expect(told["x-sojourn-session"]).not.toBe("sess_lie");
  });

  test.skipIf(!isHere)("a form of another site is refused, whatever method it says it has", async () => {
    const { ask, bench } = await site(proxy);
    const cookie = await bench.login("ann");
    const elsewhere = { cookie, origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    expect((await ask("/", elsewhere)).status).toBe(200);
    expect((await ask("/", elsewhere, "POST")).status).toBe(403);
    expect((await ask("/", { ...elsewhere, "x-forwarded-method": "GET" }, "POST")).status).toBe(403);
    const own = await ask("/form?step=2", { cookie, "sec-fetch-site": "same-origin" }, "POST", "name=ann");
    expect([own.status, own.headers.get("x-got")]).toEqual([200, "POST /form?step=2 name=ann"]);
  });

  test.skipIf(!isHere)("the browser gets the cookie of a session that was extended", async () => {
    const { ask, bench } = await site(proxy);
    const cookie = await bench.login("ann");
    expect((await ask("/", { cookie })).headers.getSetCookie()).toEqual([]);
    bench.clock.advance("29m");
    const page = await ask("/", { cookie });
    expect(page.headers.getSetCookie()).toEqual([expect.stringContaining("Max-Age=1800")]);
    bench.clock.advance("20m");
    expect((await ask("/", { cookie: cookieIn(page.headers) })).status).toBe(200);
  });

  test.skipIf(!isHere)("a store that is down is a 503, and logs nobody out", async () => {
    const { ask, bench } = await site(proxy);
    const cookie = await bench.login("ann");
    bench.setDown(true);
    const down = await ask("/", { cookie });
    expect([down.status, down.headers.getSetCookie()]).toEqual([503, []]);
    bench.setDown(false);
    expect((await ask("/", { cookie })).status).toBe(200);
  });
});
