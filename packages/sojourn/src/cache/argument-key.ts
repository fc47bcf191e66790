/**
 * A text for arguments: equal arguments give the same one, different ones different ones.
 *
 * What JSON can say is written as JSON. What JSON would lose (`undefined`, `NaN`, -0, bigints, dates, maps, sets) has a
 * notation of its own. Functions and symbols are the same as themselves only, and so are objects that have no own
 * properties to tell them by; they are numbered as they are met. Class instances are written as `JSON.stringify`
 * writes them: by `toJSON`, or by their own enumerable properties.
 */
export class ArgumentKeys {
  readonly #numbers: WeakMap<object, number> = new WeakMap();
  readonly #symbols: Map<symbol, number> = new Map();
  #met = 0;

  /** @throws TypeError if an argument contains itself */
  text(args: readonly unknown[]): string {
    return this.#list(args, []);
  }

  #list(items: readonly unknown[], within: readonly object[]): string {
    return `[${Array.from(items, (item) => this.#write(item, within)).join(",")}]`;
  }

  #write(value: unknown, within: readonly object[]): string {
    if (typeof value === "string") return JSON.stringify(value);
    if (typeof value === "object" && value !== null) return this.#object(value, within);
    if (typeof value === "bigint") return `${value}n`;
    if (typeof value === "symbol") return `Symbol#${this.#symbolNumber(value)}`;
    if (typeof value === "function") return `Function#${this.#number(value)}`;
    return Object.is(value, -0) ? "-0" : String(value);
  }

  #object(value: object, outer: readonly object[]): string {
    if (outer.includes(value)) {
      throw new TypeError("Expected arguments that do not contain themselves; give a `keyGenerator` for such ones");
    }
    const within = [...outer, value];
    if (Array.isArray(value)) return this.#list(value, within);
    if (value instanceof Date) return `Date(${value.getTime()})`;
    if (value instanceof Map) return `Map${this.#list([...value], within)}`;
    if (value instanceof Set) return `Set${this.#list([...value], within)}`;
    if ("toJSON" in value && typeof value.toJSON === "function") return `JSON(${this.#write(value.toJSON(), within)})`;
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    const prototype: unknown = Object.getPrototypeOf(value);
    const isPlain = prototype === Object.prototype || prototype === null;
    if (fields.length === 0 && !isPlain) return `Object#${this.#number(value)}`;
    return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${this.#write(field, within)}`).join(",")}}`;
  }

  #number(value: object): number {
    let number = this.#numbers.get(value);
    if (number === undefined) this.#numbers.set(value, (number = ++this.#met));
    return number;
  }

  #symbolNumber(value: symbol): number {
    let number = this.#symbols.get(value);
    if (number === undefined) this.#symbols.set(value, (number = ++this.#met));
    return number;
  }
}

/**
 * A short text of fixed length for a long one: two 32-bit FNV-1a hashes, from different starts. Among ten million
 * texts two agree with a probability of about 3 in a million; who picks texts on purpose can make them agree.
 */
export function shortHash(text: string): string {
  let one = 0x811c_9dc5;
  let two = 0xc9dc_5118;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    one = Math.imul(one ^ code, 0x0100_0193);
    two = Math.imul(two ^ code, 0x0100_0193) ^ (two >>> 15);
  }
  return [one, two].map((part) => (part >>> 0).toString(16).padStart(8, "0")).join("");
}
