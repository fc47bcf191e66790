/** A real browser, over https: what it keeps, what it shows to scripts, and what it sends to whom. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttp, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import express, { type Express } from "express";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { cookieSessions, type CookieSessionsOptions } from "../../../src/web/cookies/index.ts";
import { sessionMiddleware } from "../../../src/web/express.ts";
import { certificate } from "../support/certificate.ts";
import { chromiumBinary, noChromium } from "../support/chromium-binary.ts";
import { KEY, OLD_KEY, type Data } from "../support/visitor.ts";

const pem = noChromium ? undefined : certificate();
const LAUNCH_LIMIT = 20_000;

/** Serves until the test is over; https where there is a certificate for it. Returns the port. */
async function serve(listener: RequestListener, secure = true, onUpgrade?: OnUpgrade): Promise<number> {
  const server: Server = secure ? createHttps({ ...pem }, listener) : createHttp(listener);
  if (onUpgrade !== undefined) server.on("upgrade", onUpgrade);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return (server.address() as AddressInfo).port;
}

type OnUpgrade = (request: IncomingMessage, socket: Duplex) => void;

/** Answers a handshake (RFC 6455, 4.2.2), and sends one short text. */
function openWebSocket({ headers }: IncomingMessage, socket: Duplex, text: string): void {
  const key = `${headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash("sha1").update(key).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.write(Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)]));
}

type Options = Partial<CookieSessionsOptions<Data, "sync">>;

const sessions = createSessions<Data>({ ttl: "2h" });

/** A page with a form to log in with, as a site has it. */
function site(options: Options = {}): Express {
  const session = sessionMiddleware({ sessions, keys: [KEY], ...options });
  const app = express().set("env", "test");
  app.use(session);
  app.get("/", (req, res) => {
    const { userId } = session.of(req);
    const action = userId === null ? "login" : "logout";
    res.send(
      `<title>${userId ?? "nobody"}</title><form method=post action=/${action}><button>${action}</button></form>`,
    );
  });
  app.post("/login", (req, res) => {
    session.of(req).login("ann");
    res.redirect(303, "/");
  });
  app.post("/logout", (req, res) => {
    session.of(req).logout();
    res.redirect(303, "/");
  });
  app.get("/devices", (req, res) => {
    const own = session.of(req);
    const rows = own
      .devices()
      .map(
        ({ id, device, current }) =>
          `<li>${device?.userAgent} at ${device?.ip}${current ? " (this one)" : `<form method=post action="/devices/${id}"><button>end</button></form>`}`,
      );
    res.send(
      `<title>${rows.length} devices</title><ul>${rows.join("")}</ul><form method=post action=/others><button>all</button></form>`,
    );
  });
  app.post("/devices/:id", (req, res) => {
    session.of(req).logoutDevice(req.params.id);
    res.redirect(303, "/devices");
  });
  app.post("/others", (req, res) => {
    session.of(req).logoutOthers();
    res.redirect(303, "/devices");
  });
  app.post("/plant", (req, res) => {
    session.of(req).set("planted", true);
    res.send("planted");
  });
  app.post("/transfer", (req, res) => {
    res.send(`<title>transferred for ${session.of(req).userId}</title>`);
  });
  return app;
}

describe.skipIf(pem === undefined)("Chromium", () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: chromiumBinary() ?? "",
      args: ["--no-sandbox", "--host-resolver-rules=MAP *.test 127.0.0.1"],
      timeout: LAUNCH_LIMIT,
    });
  });
  afterAll(async () => browser?.close());
  beforeEach(async () => {
    context = await browser.newContext({ ignoreHTTPSErrors: true });
    context.setDefaultTimeout(5_000);
    page = await context.newPage();
    onTestFinished(async () => context.close());
  });

  const press = async (name: string): Promise<void> => page.getByRole("button", { name }).click();
  /** Waits for a page that shows this user. */
  const titled = async (user: string): Promise<unknown> =>
    page.waitForFunction((title) => document.title === title, user);
  const cookieOf = async () => (await context.cookies())[0];

  /** A site that the user is logged in at. */
  async function loggedIn(options?: Options, onUpgrade?: OnUpgrade): Promise<string> {
    const origin = `https://app.test:${await serve(site(options), true, onUpgrade)}`;
    await page.goto(origin);
    expect(await page.title()).toBe("nobody");
    expect(await context.cookies()).toEqual([]);
    await press("login");
    await titled("ann");
    return origin;
  }

  /** Presses a button on another site's page, which posts to a URL. */
  async function postFromElsewhere(
    url: string,
    origin = "https://other.test",
  ): Promise<{ readonly status: number; readonly cookie: string }> {
    const body = `<form method=post action="${url}"><button>win</button></form>`;
    await page.route(`${origin}/`, async (route) => route.fulfill({ contentType: "text/html", body }));
    await page.goto(`${origin}/`);
    const posted = page.waitForResponse((response) => response.request().method() === "POST");
    await press("win");
    const response = await posted;
    return { status: response.status(), cookie: (await response.request().allHeaders())["cookie"] ?? "" };
  }

  test("a login by a form stores the cookie with all its attributes, out of reach for scripts", async () => {
    await loggedIn();
    const cookie = await cookieOf();
    expect(cookie).toMatchObject({
      name: "__Host-session",
      domain: "app.test",
      path: "/",
      httpOnly: true,
      secure: true,
      sameSite: "Lax",
    });
    expect(cookie?.value).toMatch(/^sess_[\w-]{65}\.[\da-z]{8}\.[\w-]{40,42}\.[\w-]{43}$/);
    expect(Math.abs((cookie?.expires ?? 0) * 1_000 - Date.now() - 7_200_000)).toBeLessThan(60_000);
    expect(await page.evaluate(() => document.cookie)).toBe("");
    expect(await page.content()).not.toContain("sess_");
  });

  test("a partitioned one, and one without an end, are stored as such", async () => {
    await loggedIn({ cookie: { partitioned: true, sameSite: "none", persistent: false } });
    const cookie = await cookieOf();
    expect(cookie).toMatchObject({ secure: true, sameSite: "None", expires: -1 });
    expect(cookie?.partitionKey).toBe("https://app.test");
    await press("logout");
    await titled("nobody");
    expect(await context.cookies()).toEqual([]);
  });

  test("it is gone after logout, and who put it back is not let in", async () => {
    const origin = await loggedIn();
    const cookie = await cookieOf();
    await press("logout");
    await titled("nobody");
    expect(await context.cookies()).toEqual([]);
    if (cookie !== undefined) await context.addCookies([cookie]);
    expect(await context.cookies()).toHaveLength(1);
    await page.goto(origin);
    expect(await page.title()).toBe("nobody");
  });

  test("a new key logs nobody out, and once it has signed, the old one can go", async () => {
    let app = site({ keys: [OLD_KEY] });
    const origin = `https://app.test:${await serve((req, res) => void app(req, res))}`;
    await page.goto(origin);
    await press("login");
    await titled("ann");
    const old = await cookieOf();
    app = site({ keys: [KEY, OLD_KEY] });
    await page.goto(origin);
    expect(await page.title()).toBe("ann");
    const signedAnew = await cookieOf();
    expect(signedAnew?.value).not.toBe(old?.value);
    app = site({ keys: [KEY] });
    await page.goto(origin);
    expect(await page.title()).toBe("ann");
    // Without the look in between, it would have been the old key's.
    if (old !== undefined) await context.addCookies([old]);
    await page.goto(origin);
    expect(await page.title()).toBe("nobody");
  });

  test("`Clear-Site-Data` is obeyed at logout", async () => {
    await loggedIn({ clearSiteData: ["storage"] });
    await page.evaluate(() => localStorage.setItem("draft", "private"));
    await press("logout");
    await titled("nobody");
    expect(await page.evaluate(() => localStorage.getItem("draft"))).toBeNull();
  });

  test("a page of the user's devices shows where each is from, and ends them", async () => {
    // Those of the tests before.
    sessions.destroyByUser("ann");
    const origin = await loggedIn();
    const others = await Promise.all(
      ["Phone/1", "Tablet/2", "Watch/3"].map(async (userAgent) => {
        const other = await browser.newContext({ ignoreHTTPSErrors: true, userAgent });
        onTestFinished(async () => other.close());
        const visited = await other.newPage();
        await visited.goto(origin);
        await visited.getByRole("button", { name: "login" }).click();
        await visited.waitForFunction(() => document.title === "ann");
        return visited;
      }),
    );
    const titleOf = async (visited: Page): Promise<string> => {
      await visited.goto(origin);
      return visited.title();
    };
    await page.goto(`${origin}/devices`);
    expect(await page.title()).toBe("4 devices");
    const rows = await page.getByRole("listitem").allInnerTexts();
    expect(rows.filter((row) => /Chrome.* at (::ffff:)?127\.0\.0\.1 \(this one\)/.test(row))).toHaveLength(1);
    const phone = page.getByRole("listitem").filter({ hasText: "Phone/1" });
    await phone.getByRole("button", { name: "end" }).click();
    await titled("3 devices");
    expect(await Promise.all(others.map(titleOf))).toEqual(["nobody", "ann", "ann"]);
    await page.goto(`${origin}/devices`);
    await press("all");
    await titled("1 devices");
    expect(await Promise.all(others.map(titleOf))).toEqual(["nobody", "nobody", "nobody"]);
    expect(await titleOf(page)).toBe("ann");
  });

  describe("another site's page", () => {
    test("cannot post, with a cookie or without, and cannot overwrite a login", async () => {
      const origin = await loggedIn();
      const before = await cookieOf();
      const { status, cookie } = await postFromElsewhere(`${origin}/plant`);
      expect(cookie).toBe("");
      expect(status).toBe(403);
      expect(await cookieOf()).toEqual(before);
      await page.goto(origin);
      expect(await page.title()).toBe("ann");
    });

    test("could do both without the check: the test can fail", async () => {
      const origin = await loggedIn({ csrf: false });
      expect((await postFromElsewhere(`${origin}/plant`)).status).toBe(200);
      await page.goto(origin);
      expect(await page.title()).toBe("nobody");
    });

    test("is refused where the cookie is sent, and from a login", async () => {
      const origin = await loggedIn({ cookie: { sameSite: "none" } });
      const { status, cookie } = await postFromElsewhere(`${origin}/transfer`);
      expect(cookie).toMatch(/^__Host-session=/);
      expect(status).toBe(403);
      await context.clearCookies();
      expect((await postFromElsewhere(`${origin}/login`)).status).toBe(403);
      expect(await context.cookies()).toEqual([]);
    });

    test("is let in where its origin is trusted", async () => {
      const trustedOrigins = ["https://partner.test"];
      const origin = await loggedIn({ csrf: { trustedOrigins }, cookie: { sameSite: "none" } });
      const evil = await postFromElsewhere(`${origin}/transfer`);
      expect(evil.status).toBe(403);
      const trusted = await postFromElsewhere(`${origin}/transfer`, trustedOrigins[0]);
      expect(trusted.status).toBe(200);
      expect(await page.title()).toBe("transferred for ann");
    });

    test("cannot open a WebSocket with the user's cookie; the site's own page can", async () => {
      const web = cookieSessions({ sessions, keys: [KEY], cookie: { sameSite: "none" } });
      const origin = await loggedIn({ cookie: { sameSite: "none" } }, (request, socket) => {
        try {
          openWebSocket(request, socket, `the secret of ${web.start(request).userId}`);
        } catch {
          socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        }
      });
      const listen = async (): Promise<string> =>
        page.evaluate(
          async (url) =>
            new Promise<string>((resolve) => {
              const socket = new WebSocket(url);
              socket.addEventListener("message", ({ data }) => resolve(String(data)));
              socket.addEventListener("error", () => resolve("refused"));
            }),
          origin.replace("https:", "wss:"),
        );
      expect(await listen()).toBe("the secret of ann");
      await page.goto(`https://other.test:${await serve((_req, res) => res.end("<title>evil</title>"))}`);
      expect(await listen()).toBe("refused");
    });
  });

  describe("http on localhost", () => {
    test("keeps the plain cookie of `development`", async () => {
      await page.goto(`http://localhost:${await serve(site({ development: true }), false)}`);
      await press("login");
      await titled("ann");
      expect(await cookieOf()).toMatchObject({ name: "session", secure: false, httpOnly: true, domain: "localhost" });
    });

    test("keeps the Secure one, too: Chromium takes localhost for safe", async () => {
      await page.goto(`http://localhost:${await serve(site(), false)}`);
      await press("login");
      await titled("ann");
      expect(await cookieOf()).toMatchObject({ name: "__Host-session", secure: true, domain: "localhost" });
    });
  });
});
