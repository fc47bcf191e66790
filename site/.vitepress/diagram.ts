import { renderMermaidSVG } from "beautiful-mermaid";

/**
 * Draws a diagram when the site is built, so that a page needs neither a script nor a font for it. Its colours are those of
 * the theme (theme/style.css), also when that changes to dark.
 */
export function diagram(source: string, index: number): string {
  const svg = renderMermaidSVG(source, { bg: "var(--vp-c-bg)", fg: "var(--vp-c-text-1)", transparent: true });
  const drawn = svg
    // Its style asks for a font of another host.
    .replace(/<style>.*?<\/style>/s, "")
    // Two diagrams of a page may not share the ids of their arrow heads.
    .replaceAll(/(id="|url\(#)([\w-]+)/g, `$1diagram-${index}-$2`)
    .replaceAll(/\n\s*/g, "\n");
  return `<figure class="diagram" v-pre>${drawn}</figure>\n`;
}
