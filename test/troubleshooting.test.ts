/** Whoever searches for an error finds it: every code has a section, and every message that a page shows is in the source. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = readFileSync(join(root, "docs/troubleshooting.md"), "utf8");
const sources = globSync("packages/*/src/**/*.ts", { cwd: root }).map((file) => readFileSync(join(root, file), "utf8"));
const source = sources.join("\n");

/** The section below a heading, up to the next one. */
const sectionOf = (heading: string): string | undefined =>
  page.split(/^(?=#{2,3} )/m).find((section) => section.startsWith(`### ${heading}\n`));

describe("every code has a section with the cause and what to do", () => {
  const unions = source.matchAll(/^export type (?:\w*ErrorCode|WarningCode) =([^;]*);/gm);
  const emitted = source.matchAll(/\bcode: "(SOJOURN_\w+)"/g);
  const codes = new Set([
    ...[...unions].flatMap(([, union = ""]) => [...union.matchAll(/"(\w+)"/g)].map(([, code = ""]) => code)),
    ...[...emitted].map(([, code = ""]) => code),
  ]);

  test("the codes are found", () => {
    expect(codes).toContain("store_unavailable");
    expect(codes).toContain("session_ended");
    expect(codes).toContain("storage_invalid_key");
    expect(codes).toContain("SOJOURN_FILE_MODE");
    expect(codes.size).toBeGreaterThan(30);
  });

  test.each([...codes])("%s", (code) => {
    expect(sectionOf(`\`${code}\``)?.length ?? 0).toBeGreaterThan(60);
  });

  test("and no other has", () => {
    const headings = [...page.matchAll(/^### `(\w+)`$/gm)].map(([, code = ""]) => code);
    expect(headings.filter((code) => !codes.has(code))).toEqual([]);
  });

  test.each([...source.matchAll(/^export (?:abstract )?class (\w+Error) /gm)].map(([, name = ""]) => name))(
    "the class %s is named",
    (name) => {
      expect(page).toContain(name);
    },
  );

  test("every reason why an access token is refused", () => {
    const [, union = ""] = /^export type TokenFault =([^;]*);/m.exec(source) ?? [];
    const reasons = [...union.matchAll(/"([\w-]+)"/g)].map(([, reason = ""]) => reason);
    expect(reasons.length).toBeGreaterThan(10);
    for (const reason of reasons) expect(page).toContain(`\`${reason}\``);
  });
});

describe("every refusal to start is listed", () => {
  const messages = sources.flatMap((text) =>
    [...joined(text).matchAll(/new GuaranteeError\(\s*(["`])(.*?)\1(?=[,)\s])/gs)].map(([, , message = ""]) => message),
  );
  const section = sectionOf("`guarantee_unmet`") ?? "";

  test("they are found", () => expect(messages.length).toBeGreaterThan(6));

  test.each(messages)("%s", (message) => {
    expect(shownIn(section).some((shown) => isShown(shown, message))).toBe(true);
  });
});

describe("every message in a table is one of the source", () => {
  const texts = sources.map(joined);

  test.each(shownIn(page))("%s", (shown) => {
    expect(texts.some((text) => isShown(shown, text))).toBe(true);
  });

  test("an ellipsis stands for what differs", () => {
    expect(isShown("The limit is … of …", "`The limit is …, which is much, of …`")).toBe(true);
    expect(isShown("The limit is … of …", "The limit is high")).toBe(false);
  });
});

/** What is shown as a message: code in the first column of a table that begins with "message". */
function shownIn(text: string): readonly string[] {
  const tables = text.match(/^\| message \|.*\n(?:\|.*\n)+/gm) ?? [];
  return tables.flatMap((table) =>
    table
      .split("\n")
      .slice(2)
      .flatMap((row) => [...(row.split(" | ")[0] ?? "").matchAll(/`([^`]+)`/g)].map(([, message = ""]) => message)),
  );
}

/** Source with texts that go over several lines in one, and an ellipsis for each value and each name in code quotes. */
function joined(text: string): string {
  return text
    .replaceAll(/["`'] \+\n?\s*["`']/g, "")
    .replaceAll(/\$\{(?:[^{}`]|\{[^{}]*\}|`[^`]*`)*\}/g, "…")
    .replaceAll(/\\`[^`\n]*\\`/g, "…")
    .replaceAll(/(?<=")[^"\n]*(?=")/g, (literal) => literal.replaceAll(/`[^`]*`/g, "…"));
}

/** Whether the parts of a message are there, in their order. */
function isShown(shown: string, text: string): boolean {
  const pattern = shown
    .split("…")
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join("[^\\n]{0,300}?");
  return new RegExp(pattern).test(text);
}
