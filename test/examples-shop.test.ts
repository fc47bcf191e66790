/** The shop of `examples`, on each store: over real sockets with a cookie jar, and in a real browser. */
import { chromium } from "playwright-core";
import { CookieJar } from "tough-cookie";
import { describe, expect, onTestFinished, test } from "vitest";
import { chromiumBinary, noChromium } from "../packages/sojourn/test/web/support/chromium-binary.ts";
import { places } from "./support/places.ts";
import { runExample } from "./support/run-example.ts";

interface Page {
  readonly status: number;
  /** The path that the redirects have led to. */
  readonly path: string;
  readonly html: string;
}

/** A browser without scripts: it keeps cookies, sends forms, and follows redirects. */
class Visitor {
  readonly jar: CookieJar = new CookieJar();
  readonly origin: string;
  readonly name: string;

  constructor(origin: string, name: string) {
    this.origin = origin;
    this.name = name;
  }

  async open(path: string): Promise<Page> {
    return this.#ask(path, { method: "GET" });
  }

  async send(path: string, fields: Record<string, string> = {}, site = "same-origin"): Promise<Page> {
    const headers = { origin: site === "same-origin" ? this.origin : "https://evil.example", "sec-fetch-site": site };
    return this.#ask(path, { method: "POST", headers, body: new URLSearchParams(fields) });
  }

  async login(name: string): Promise<Page> {
    return this.send("/login", { name, password: `${name}'s password` });
  }

  async cookie(): Promise<string> {
    return this.jar.getCookieString(this.origin);
  }

  async #ask(path: string, init: RequestInit): Promise<Page> {
    const url = this.origin + path;
    const headers = {
      ...(init.headers as Record<string, string>),
      cookie: await this.cookie(),
      "user-agent": this.name,
    };
    const response = await fetch(url, { ...init, headers, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) await this.jar.setCookie(line, url);
    const location = response.headers.get("location");
    if (location !== null) return this.open(location);
    return { status: response.status, path, html: await response.text() };
  }
}

/** The ids on a devices page: those of the other devices, each with a button. */
const idsOn = ({ html }: Page): readonly string[] =>
  [...html.matchAll(/name="id" value="([^"]+)"/g)].map(([, id = ""]) => id);

describe.each(places)("the shop on $name", ({ name, open, missing }) => {
  const start = async (store?: string): Promise<string> =>
    runExample("shop/main.ts", { STORE: store ?? (await open()) });

  test.skipIf(missing)("a visitor's cart is there after the login, in a session with another token", async () => {
    const ann = new Visitor(await start(), "phone");
    expect((await ann.open("/")).html).toContain("Tea &amp; biscuits");
    expect(await ann.cookie()).toBe("");
    expect(await ann.send("/cart", { article: "tea" })).toMatchObject({ path: "/cart", status: 200 });
    // Two at the same time: neither undoes the other.
    await Promise.all([ann.send("/cart", { article: "lamp" }), ann.send("/cart", { article: "book" })]);
    expect((await ann.send("/cart", { article: "<script>" })).status).toBe(400);

    const before = await ann.cookie();
    expect((await ann.send("/login", { name: "ann", password: "guess" })).html).toContain("Wrong name or password");
    expect((await ann.login("ann")).html).toContain("Welcome, ann");
    expect(await ann.cookie()).not.toBe(before);
    expect((await ann.open("/cart")).html).toContain("Cart (3)");
    const thief = await fetch(`${ann.origin}/devices`, { headers: { cookie: before }, redirect: "manual" });
    expect(thief.status).toBe(303);
  });

  test.skipIf(missing)("users see their devices, and end their own only", async () => {
    const origin = await start();
    const [phone, laptop, bob] = [
      new Visitor(origin, "phone"),
      new Visitor(origin, "laptop"),
      new Visitor(origin, "bob's"),
    ];
    await phone.login("ann");
    await laptop.login("ann");
    await bob.login("bob");

    const devices = await phone.open("/devices");
    expect(devices.html).toContain("laptop");
    expect(devices.html).not.toContain("bob's");
    expect(devices.html.match(/this device/g)).toHaveLength(1);
    const [laptopId = ""] = idsOn(devices);
    expect(idsOn(devices)).toHaveLength(1);

    expect((await bob.send("/devices/logout", { id: laptopId })).html).toContain("was not logged in");
    expect((await laptop.open("/devices")).path).toBe("/devices");
    expect((await phone.send("/devices/logout", { id: laptopId })).html).toContain("That device is logged out");
    expect((await laptop.open("/devices")).path).toBe("/login");

    await laptop.login("ann");
    expect((await laptop.send("/devices/logout-others")).html).toContain("Logged out on other devices: 1");
    expect((await phone.open("/devices")).path).toBe("/login");
    expect((await bob.open("/devices")).path).toBe("/devices");
  });

  test.skipIf(missing)("logout ends one session, and everywhere all of the user's", async () => {
    const origin = await start();
    const [phone, laptop, bob] = [
      new Visitor(origin, "phone"),
      new Visitor(origin, "laptop"),
      new Visitor(origin, "bob's"),
    ];
    for (const visitor of [phone, laptop]) await visitor.login("ann");
    await bob.login("bob");
    const cookies = [await phone.cookie(), await laptop.cookie()];

    expect((await phone.send("/logout")).html).toContain("You are logged out");
    expect((await laptop.open("/devices")).path).toBe("/devices");
    await phone.login("ann");
    cookies.push(await phone.cookie());
    expect((await laptop.send("/devices/logout-everywhere")).html).toContain("You are logged out everywhere");
    expect((await phone.open("/devices")).path).toBe("/login");
    for (const cookie of cookies) {
      expect((await fetch(`${origin}/devices`, { headers: { cookie }, redirect: "manual" })).status).toBe(303);
    }
    expect((await bob.open("/devices")).path).toBe("/devices");
  });

  test.skipIf(missing)("an admin ends a user's sessions, and nobody else can", async () => {
    const origin = await start();
    const [ann, bob, root] = [
      new Visitor(origin, "ann's"),
      new Visitor(origin, "bob's"),
      new Visitor(origin, "root's"),
    ];
    await ann.login("ann");
    await bob.login("bob");
    await root.login("root");
    expect((await bob.send("/admin/end", { user: "ann" })).status).toBe(403);
    expect((await root.open("/admin")).html).toContain("Live sessions: 3");
    expect((await root.send("/admin/end", { user: "ann" })).html).toContain("Ended sessions of ann: 1");
    expect((await ann.open("/devices")).path).toBe("/login");
    expect((await bob.open("/devices")).path).toBe("/devices");
    expect((await root.open("/admin")).html).toContain("Live sessions: 2");
  });

  test.skipIf(missing)("another site's form changes nothing, and sets no cookie", async () => {
    const ann = new Visitor(await start(), "phone");
    expect((await ann.send("/cart", { article: "tea" }, "cross-site")).status).toBe(403);
    expect(await ann.cookie()).toBe("");
    await ann.login("ann");
    expect((await ann.send("/logout", {}, "cross-site")).status).toBe(403);
    expect((await ann.open("/devices")).path).toBe("/devices");
  });

  test.skipIf(missing || name === "memory")("a second process serves the same sessions", async () => {
    const store = await open();
    const [first, second] = [await start(store), await start(store)];
    const ann = new Visitor(first, "phone");
    await ann.send("/cart", { article: "book" });
    await ann.login("ann");
    const cookie = await ann.cookie();
    const there = async (): Promise<Response> =>
      fetch(`${second}/devices`, { headers: { cookie }, redirect: "manual" });
    expect(await (await there()).text()).toContain("Cart (1)");
    await ann.send("/logout");
    expect((await there()).status).toBe(303);
  });
});

describe.skipIf(noChromium)("the shop in Chromium", () => {
  test("cart, login, devices, logout of the other browser, logout", async () => {
    const origin = await runExample("shop/main.ts");
    const browser = await chromium.launch({ executablePath: chromiumBinary() ?? "", args: ["--no-sandbox"] });
    onTestFinished(async () => browser.close());
    const [phone, laptop] = [
      await browser.newPage({ userAgent: "phone" }),
      await browser.newPage({ userAgent: "laptop" }),
    ];

    const login = async (page: typeof phone): Promise<void> => {
      await page.goto(`${origin}/login`);
      await page.getByLabel("Name").fill("ann");
      await page.getByLabel("Password").fill("ann's password");
      await page.getByRole("button", { name: "Log in" }).click();
      await page.getByRole("status").getByText("Welcome, ann").waitFor();
    };

    await phone.goto(origin);
    await phone.getByRole("button", { name: "Put Tea & biscuits into the cart" }).click();
    await login(phone);
    expect(await phone.getByRole("link", { name: "Cart (1)" }).count()).toBe(1);
    // No script of the page sees the cookie.
    expect(await phone.evaluate("document.cookie")).toBe("");
    await login(laptop);

    await phone.goto(`${origin}/devices`);
    await phone.getByRole("listitem").filter({ hasText: "laptop" }).getByRole("button", { name: "Log out" }).click();
    await phone.getByText("That device is logged out").waitFor();
    await laptop.goto(`${origin}/devices`);
    expect(new URL(laptop.url()).pathname).toBe("/login");

    await phone.getByRole("button", { name: "Log out ann" }).click();
    await phone.getByText("You are logged out").waitFor();
    // Back in the history, or asked again: the page of the user is not shown any more.
    await phone.goto(`${origin}/devices`);
    expect(new URL(phone.url()).pathname).toBe("/login");
  });
});
