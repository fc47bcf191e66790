/** What VitePress does not check of the built site: links to headings, and that no page asks another host for anything. */
import { globSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

/** Throws a list of what is wrong. */
export function checkSite(dist: string): void {
  const pages = new Map(
    globSync("**/*.html", { cwd: dist }).map((file) => [
      file.replaceAll("\\", "/"),
      readFileSync(join(dist, file), "utf8"),
    ]),
  );
  const ids = new Map(
    [...pages].map(([page, html]) => [page, new Set([...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id))]),
  );
  const wrong = [...pages].flatMap(([page, html]) => [...deadLinks(page, html, ids), ...foreignRequests(page, html)]);
  for (const file of globSync("**/*.css", { cwd: dist })) {
    for (const [found] of readFileSync(join(dist, file), "utf8").matchAll(
      /(@import|url\()\s*["']?(https?:)?\/\/[^)"']+/g,
    ))
      wrong.push(`${file}: asks for ${found}`);
  }
  if (wrong.length > 0) throw new Error(`Expected every link to lead somewhere, got\n${wrong.join("\n")}`);
}

function deadLinks(page: string, html: string, ids: ReadonlyMap<string, ReadonlySet<string | undefined>>): string[] {
  const hrefs = [...html.matchAll(/<a\b[^>]*? href="([^"]*)"/g)].map(([, href = ""]) => href.replaceAll("&amp;", "&"));
  return hrefs
    .filter((href) => !/^[a-z]+:/.test(href))
    .filter((href) => {
      const [path = "", anchor] = href.split("#");
      const target = path === "" ? page : posix.join(path.startsWith("/") ? "." : posix.dirname(page), path);
      const file = [target, `${target}.html`, posix.join(target, "index.html")].find((name) => ids.has(name));
      if (file === undefined) return !/\.(txt|md|svg)$/.test(path);
      return anchor !== undefined && anchor !== "" && !(ids.get(file)?.has(decodeURIComponent(anchor)) ?? false);
    })
    .map((href) => `${page}: ${href} leads nowhere`);
}

/** A script, a style, a picture or a font of another host. A link that is only followed is none. */
function foreignRequests(page: string, html: string): string[] {
  const found = html.matchAll(
    /<(?:script|img|iframe|link)\b[^>]*? (?:src|href)="((?:https?:)?\/\/[^"]*)"|@import url\([^)]*\)/g,
  );
  return [...found].map(([whole, address]) => `${page}: asks for ${address ?? whole}`);
}
