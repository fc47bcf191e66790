import { createHash } from "node:crypto";
import { cookies } from "next/headers";
import { getSession } from "../../lib/session";

/** Who is seen, and by which cookie: a digest of it, since no token may be in a page. */
export async function seen() {
  const { userId } = await getSession();
  const value = (await cookies()).get("__Host-session")?.value ?? "";
  return `${userId ?? "nobody"} ${createHash("sha256").update(value).digest("hex")}`;
}
