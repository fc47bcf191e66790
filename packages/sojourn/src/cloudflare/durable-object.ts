// oxlint-disable-next-line typescript/triple-slash-reference -- a module that has no types can only be declared
/// <reference path="./cloudflare-workers.d.ts" />
/**
 * What the library uses of Cloudflare's Durable Objects, by shape: the published types name no runtime's types, and
 * the module can be imported where there is no `cloudflare:workers`, such as in Node.
 */
import type { SqlRow, SqlValue } from "../store/sqlite/sql-port.ts";

/** The storage of a Durable Object that is backed by SQLite. */
export interface ShardStorage {
  readonly sql: { exec(query: string, ...values: SqlValue[]): { toArray(): SqlRow[] } };
  transactionSync<T>(work: () => T): T;
  getAlarm(): Promise<number | null>;
  setAlarm(at: number): Promise<void>;
}

/** What the runtime hands to a Durable Object's constructor. */
export interface ShardState {
  readonly storage: ShardStorage;
}

/** A binding of Durable Objects, as `env` has it. */
export interface ShardNamespace {
  idFromName(name: string): object;
  get(id: object, options?: { readonly locationHint?: string }): object;
  jurisdiction(name: string): ShardNamespace;
}

/** The runtime's base class. Only what extends it can be called over RPC. */
declare class DurableObjectBase<Env> {
  /** By which the types of Cloudflare tell a Durable Object. It is not there at run time. */
  readonly __DURABLE_OBJECT_BRAND: never;
  protected readonly ctx: ShardState;
  protected readonly env: Env;
  constructor(ctx: ShardState, env: Env);
}

export const DurableObject: typeof DurableObjectBase = await baseClass();

async function baseClass(): Promise<typeof DurableObjectBase> {
  try {
    return (await import("cloudflare:workers")).DurableObject as typeof DurableObjectBase;
  } catch {
    // Elsewhere no Durable Object is ever made.
    return Object as unknown as typeof DurableObjectBase;
  }
}
