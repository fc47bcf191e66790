import { defineConfig } from "vitepress";
import { anchorOf } from "../anchor.ts";
import { navigation } from "../navigation.ts";
import { diagram } from "./diagram.ts";

export default defineConfig({
  title: "sojourn",
  description: "Session management for TypeScript in which a session's end is exact",
  srcDir: ".content",
  base: process.env["DOCS_BASE"] ?? "/",
  cleanUrls: true,
  lastUpdated: false,
  head: [["link", { rel: "icon", type: "image/svg+xml", href: `${process.env["DOCS_BASE"] ?? "/"}mark.svg` }]],
  // A table of many columns, and no headings.
  transformPageData: ({ relativePath, frontmatter }) => {
    if (relativePath === "comparison.md") frontmatter["aside"] = false;
  },
  themeConfig: {
    logo: "/mark.svg",
    nav: [
      { text: "Start", link: "/start" },
      { text: "Guides", link: "/guides" },
      { text: "Reference", link: "/reference/sojourn" },
    ],
    sidebar: navigation().map(({ text, pages }) => ({
      text,
      collapsed: !["Begin", "Sessions", "Frameworks", "Stores", "Run it"].includes(text),
      items: pages.map(({ title, page }) => ({ text: title, link: `/${page}` })),
    })),
    outline: [2, 3],
    search: { provider: "local" },
    footer: { message: "MIT licence" },
  },
  // The index of the search is one file, which is loaded when somebody searches.
  vite: { build: { chunkSizeWarningLimit: 4_000 } },
  markdown: {
    anchor: { slugify: anchorOf },
    config: (md) => {
      const fence = md.renderer.rules.fence;
      md.renderer.rules.fence = (tokens, index, options, env, self) => {
        const token = tokens[index];
        if (token?.info.trim() === "mermaid") return diagram(token.content, index);
        // It takes the name away.
        const file = /^\w+ \[(.+)\]$/.exec(token?.info ?? "")?.[1];
        const shown = fence?.(tokens, index, options, env, self) ?? "";
        if (file === undefined) return shown;
        return `<div class="named-code"><div class="name">${md.utils.escapeHtml(file)}</div>${shown}</div>`;
      };
    },
  },
});
