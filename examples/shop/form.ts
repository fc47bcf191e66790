import type { Context } from "hono";

/** The text fields of a form that was posted; an upload is none, and what is missing is empty. */
export async function formFields<Name extends string>(
  c: Context,
  ...names: readonly Name[]
): Promise<Record<Name, string>> {
  const body = await c.req.parseBody();
  const entries = names.map((name) => {
    const value = body[name];
    return [name, typeof value === "string" ? value : ""] as const;
  });
  return Object.fromEntries(entries) as Record<Name, string>;
}
