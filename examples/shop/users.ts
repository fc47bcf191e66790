/** The shop's users. A real shop has them in its database. */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

export interface User {
  readonly id: string;
  readonly isAdmin: boolean;
}

interface StoredUser extends User {
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const hashOf = promisify(scrypt) as (password: string, salt: Buffer, length: number) => Promise<Buffer>;

async function withPassword(user: User, password: string): Promise<StoredUser> {
  const salt = randomBytes(16);
  return { ...user, salt, hash: await hashOf(password, salt, 32) };
}

const stored = await Promise.all([
  withPassword({ id: "ann", isAdmin: false }, "ann's password"),
  withPassword({ id: "bob", isAdmin: false }, "bob's password"),
  withPassword({ id: "root", isAdmin: true }, "root's password"),
]);
const byId = new Map(stored.map((user) => [user.id, user]));
/** What is compared with for a name that nobody has, so that it takes as long. */
const nobody = await withPassword({ id: "", isAdmin: false }, randomBytes(32).toString("hex"));

export const users: readonly User[] = stored;

export function userOf(id: string | null): User | undefined {
  return id === null ? undefined : byId.get(id);
}

/** The user with this name and password, or `undefined`. */
export async function checkPassword(name: string, password: string): Promise<User | undefined> {
  const user = byId.get(name) ?? nobody;
  const matches = timingSafeEqual(await hashOf(password, user.salt, 32), user.hash);
  return matches && user !== nobody ? user : undefined;
}
