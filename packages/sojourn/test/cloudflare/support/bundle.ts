/** A Worker of one file, made of TypeScript sources. */
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const source = (path: string): string => fileURLToPath(new URL(`../../../src/${path}`, import.meta.url));

/** @param entry a file in this folder */
export async function bundle(entry: string): Promise<string> {
  const bundled = await rolldown({
    input: fileURLToPath(new URL(entry, import.meta.url)),
    external: /^(node|cloudflare):/,
    platform: "neutral",
    resolve: {
      mainFields: ["module", "main"],
      alias: { sojourn: source("index.ts"), "sojourn/cloudflare": source("cloudflare/index.ts") },
    },
  });
  const { output } = await bundled.generate({ format: "esm", codeSplitting: false });
  await bundled.close();
  return output[0].code;
}
