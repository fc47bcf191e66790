/** What the build of the site refuses, and what it adds to the reference. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { checkSite } from "../site/check.ts";
import { addUsers } from "../site/used-by.ts";

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-site-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  return folder;
}

describe("a built site", () => {
  const other = '<h2 id="there">There</h2>';

  test.each([
    '<a class="link" href="/other">',
    '<a href="./other.html#there">',
    '<a href="#here"><b id="here">',
    '<a href="https://example.com/whatever">',
    '<script src="/assets/app.js"></script>',
  ])("may have %s", (html) => {
    expect(() => checkSite(folderWith({ "index.html": html, "other.html": other }))).not.toThrow();
  });

  test.each([
    ['<a href="/nowhere">', "/nowhere leads nowhere"],
    ['<a href="/other#nowhere">', "/other#nowhere leads nowhere"],
    ['<a href="#nowhere">', "#nowhere leads nowhere"],
    ['<script src="https://cdn.example/app.js"></script>', "asks for https://cdn.example/app.js"],
    ['<link rel="stylesheet" href="//fonts.example/inter.css">', "asks for //fonts.example/inter.css"],
    ["<style>@import url('https://fonts.example/inter.css');</style>", "asks for @import"],
  ])("may not have %s", (html, message) => {
    expect(() => checkSite(folderWith({ "index.html": html, "other.html": other }))).toThrow(message);
  });

  test("may not have a font of another host in its styles", () => {
    const css = "@font-face { src: url(https://fonts.example/inter.woff2) }";
    expect(() => checkSite(folderWith({ "assets/style.css": css }))).toThrow("assets/style.css: asks for");
  });
});

describe("the reference", () => {
  const functions = "## Functions\n\n### auditLog()\n\n#### Returns\n\n[`AuditLog`](#auditlog)\n\n";
  const types = "## Interfaces\n\n### AuditLog\n\nA log.\n\n| `size` | [`Size`](../size.md#size) |\n";

  test("a type is linked by its own name, and says what uses it, by way of other types as well", () => {
    const folder = folderWith({
      "a/audit.md": `# audit\n\n${functions}${types}`,
      "size.md": "# size\n\n## Type Aliases\n\n### Size\n\nA size.\n",
    });
    addUsers(folder);
    const audit = readFileSync(join(folder, "a/audit.md"), "utf8");
    expect(audit).toContain("[`AuditLog`](#auditlog-1)");
    expect(audit).toContain("### AuditLog\n\nUsed by [`auditLog`](audit.md#auditlog).\n");
    expect(readFileSync(join(folder, "size.md"), "utf8")).toContain("Used by [`auditLog`](a/audit.md#auditlog).");
  });

  test("refuses a type that nothing leads to, unless it has an example", () => {
    const lonely = "# x\n\n## Interfaces\n\n### Lonely\n\nNobody has one.\n";
    expect(() => addUsers(folderWith({ "x.md": lonely }))).toThrow("x.md#lonely");
    expect(() => addUsers(folderWith({ "x.md": `${lonely}\n#### Example\n\nOne.\n` }))).not.toThrow();
  });
});
