/**
 * What one request has done to a session's fields, on its way into the session's data.
 *
 * It is kept as a list of single changes and made anew on whatever the data is when it is written, so that of two
 * requests that set different fields both are kept. When fields end and what was flashed stands in the data itself,
 * under one reserved name, which is there only while it is needed.
 */
import { InvalidDataError } from "../../errors.ts";
import { checkJson } from "../../sessions/json.ts";
import { show } from "../../show.ts";

/** The reserved name in the data. */
export const RESERVED = "$sojourn";

/** What stands under the reserved name. */
interface Reserved {
  /** When fields end, in epoch milliseconds. */
  readonly expires?: Readonly<Record<string, number>>;
  readonly flash?: Readonly<Record<string, unknown>>;
}

export type Fields = Readonly<Record<string, unknown>>;

interface SetField {
  /** The value as it was when it was set; the same object is never handed to two owners. */
  readonly json: string;
  /** The same value, frozen, for this request to read. */
  readonly value: unknown;
  /** When it ends, in epoch milliseconds. */
  readonly expiresAt: number | undefined;
}

const NONE: Fields = Object.freeze({});

/** A value as JSON, in both forms. @throws InvalidDataError if it is not JSON */
export function jsonValue(name: string, value: unknown): Pick<SetField, "json" | "value"> {
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (cause) {
    // A cycle, a BigInt, a toJSON that throws, or nesting so deep that the stack ends.
    throw new InvalidDataError(`The value of ${show(name)} cannot be written as JSON`, [], { cause });
  }
  if (json === undefined)
    throw new InvalidDataError(`Expected a value for ${show(name)} that is JSON, got ${show(value)}`);
  // A `Map` would come back as `{}`: it is refused here, where it is set, and not at the commit.
  checkJson({ [name]: value });
  return { json, value: freezeDeep(JSON.parse(json)) };
}

/** The changes of one request. */
export class Changes {
  /** By name; `undefined` for a field that was deleted. */
  readonly #fields: Map<string, SetField | undefined> = new Map();
  readonly #flashed: Map<string, string> = new Map();
  /** What was taken, as JSON, so that what another request has flashed since is left alone. */
  readonly #taken: Map<string, string> = new Map();

  get isEmpty(): boolean {
    return this.#fields.size === 0 && this.#flashed.size === 0 && this.#taken.size === 0;
  }

  set(name: string, field: SetField): void {
    this.#fields.set(name, field);
  }

  delete(name: string): void {
    this.#fields.set(name, undefined);
  }

  flash(name: string, json: string): void {
    this.#flashed.set(name, json);
  }

  /** The changes as they are now. */
  copy(): Changes {
    const copy = new Changes();
    for (const [name, field] of this.#fields) copy.#fields.set(name, field);
    for (const [name, json] of this.#flashed) copy.#flashed.set(name, json);
    for (const [name, json] of this.#taken) copy.#taken.set(name, json);
    return copy;
  }

  /** Drops what was written; what was changed since stays. */
  drop(written: Changes): void {
    for (const [name, field] of written.#fields) if (this.#fields.get(name) === field) this.#fields.delete(name);
    for (const [name, json] of written.#flashed) if (this.#flashed.get(name) === json) this.#flashed.delete(name);
    for (const name of written.#taken.keys()) this.#taken.delete(name);
  }

  /** Whether there is a flashed value to take. */
  hasFlash(data: Fields, name: string): boolean {
    return own(reservedOf(data).flash ?? NONE, name) !== undefined && !this.#taken.has(name);
  }

  /** Takes a flashed value; a second time it is not there. */
  take(data: Fields, name: string): unknown {
    if (!this.hasFlash(data, name)) return undefined;
    const value = own(reservedOf(data).flash ?? NONE, name);
    this.#taken.set(name, JSON.stringify(value));
    return value;
  }

  /** A field as this request sees it. */
  read(data: Fields, name: string, now: () => number): unknown {
    if (!this.#fields.has(name)) return readField(data, name, now);
    const field = this.#fields.get(name);
    return field === undefined || (field.expiresAt ?? Infinity) <= now() ? undefined : field.value;
  }

  /** New data: what is given, with these changes, without what has ended. The given object is left alone. */
  apply(data: Fields, now: number): Record<string, unknown> {
    const { expires = {}, flash = {} } = reservedOf(data);
    const fields = new Map(Object.entries(data).filter(([name]) => name !== RESERVED));
    const ends = new Map(Object.entries(expires));
    for (const [name, field] of this.#fields) {
      ends.delete(name);
      if (field === undefined) fields.delete(name);
      else {
        // Made anew for each writing, since a schema may change what it is given.
        fields.set(name, JSON.parse(field.json));
        if (field.expiresAt !== undefined) ends.set(name, field.expiresAt);
      }
    }
    for (const [name, end] of ends) {
      if (fields.has(name) && now < end) continue;
      fields.delete(name);
      ends.delete(name);
    }
    const left = new Map(Object.entries(flash));
    for (const [name, json] of this.#taken) if (JSON.stringify(left.get(name)) === json) left.delete(name);
    for (const [name, json] of this.#flashed) left.set(name, JSON.parse(json));
    const reserved: Reserved = {
      ...(ends.size > 0 && { expires: Object.fromEntries(ends) }),
      ...(left.size > 0 && { flash: Object.fromEntries(left) }),
    };
    // `fromEntries` defines fields, also one named `__proto__`; it calls no setter.
    if (ends.size > 0 || left.size > 0) fields.set(RESERVED, reserved);
    return Object.fromEntries(fields);
  }
}

/** A field of stored data; `undefined` if it is not there, or has ended. */
export function readField(data: Fields, name: string, now: () => number): unknown {
  if (name === RESERVED) return undefined;
  const { expires } = reservedOf(data);
  const end = expires === undefined ? undefined : own(expires, name);
  return end === undefined || now() < end ? own(data, name) : undefined;
}

/** Whether data has something under the reserved name. */
export function hasReserved(data: Fields): boolean {
  return Object.hasOwn(data, RESERVED);
}

function reservedOf(data: Fields): Reserved {
  return (own(data, RESERVED) as Reserved | undefined) ?? {};
}

function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function freezeDeep<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const part of Object.values(value)) freezeDeep(part);
  return Object.freeze(value);
}
