/** Whoever visits an app with a browser: what is typed, clicked and seen. */
import assert from "node:assert/strict";
import type { Browser, BrowserContext, Cookie, Page } from "playwright-core";
import type { RunningApp } from "./app.ts";

export const PASSWORD = "correct horse";
/** How long a page may take, in milliseconds: the machine is busy. */
const PATIENCE = 20_000;

/** A browser of its own, with its own cookies, at an app. */
export class Visitor implements AsyncDisposable {
  readonly app: RunningApp;
  readonly context: BrowserContext;
  /** The first tab. */
  readonly page: Page;

  private constructor(app: RunningApp, context: BrowserContext, page: Page) {
    this.app = app;
    this.context = context;
    this.page = page;
  }

  /** Somebody who opens `/`, with these cookies. */
  static async arrive(browser: Browser, app: RunningApp, cookies: readonly Cookie[] = []): Promise<Visitor> {
    const context = await browser.newContext();
    context.setDefaultTimeout(PATIENCE);
    await context.addCookies(cookies);
    const page = await context.newPage();
    await page.goto(app.origin);
    return new Visitor(app, context, page);
  }

  /** Another tab at `/`. */
  async openTab(): Promise<Page> {
    const page = await this.context.newPage();
    await page.goto(this.app.origin);
    return page;
  }

  /** Sends the form with a right password, and sees the user's name. */
  async login(user: string): Promise<void> {
    await this.sendLogin(user, PASSWORD);
    await shows(this.page, "p#user", user);
  }

  async sendLogin(user: string, password: string): Promise<void> {
    await this.page.fill("form#login input[name=user]", user);
    await this.page.fill("form#login input[name=password]", password);
    await this.page.click("form#login button");
  }

  /** The session's cookie, as the browser has it now. */
  async cookie(): Promise<Cookie | undefined> {
    const { cookie: name } = this.app.manifest;
    const cookies = await this.context.cookies();
    return cookies.find((cookie) => (name === undefined ? cookie.value.startsWith("sess_") : cookie.name === name));
  }

  /** The session's cookie of somebody who is logged in. */
  async ownCookie(): Promise<Cookie> {
    const cookie = await this.cookie();
    assert.ok(cookie, "the browser has a cookie of a session");
    return cookie;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close();
  }
}

/** Waits until an element has exactly this text. */
export async function shows(page: Page, selector: string, text: string): Promise<void> {
  const element = page.locator(selector);
  const end = performance.now() + PATIENCE;
  let seen: string | undefined;
  while (performance.now() < end) {
    // While one page takes the place of another, there may be none.
    seen = (await element.textContent({ timeout: 1_000 }).catch(() => undefined)) ?? undefined;
    if (seen?.trim() === text) return;
    await page.waitForTimeout(20);
  }
  assert.fail(`Expected ${selector} at ${page.url()} to show ${JSON.stringify(text)}, got ${JSON.stringify(seen)}`);
}

/** Loads the page again. Resolves with the status of the answer. */
export async function reload(page: Page): Promise<number> {
  const response = await page.reload();
  return response?.status() ?? 0;
}
