interface Flight<T> {
  promise: Promise<T> | undefined;
}

/**
 * Fetches on their way, one a key. What happens to a key in the meantime overtakes its fetch: it still answers those
 * who wait for it, and no longer lands in the cache.
 */
export class Flights<T> {
  readonly #running: Map<string, Flight<T>> = new Map();

  get(key: string): Promise<T> | undefined {
    return this.#running.size === 0 ? undefined : this.#running.get(key)?.promise;
  }

  /** Starts a fetch at once. `land` is called with the result, unless it has been overtaken by then. */
  start(key: string, fetcher: () => T | Promise<T>, land: (value: T) => void): Promise<T> {
    const flight: Flight<T> = { promise: undefined };
    this.#running.set(key, flight);
    flight.promise = this.#fly(key, flight, fetcher, land);
    return flight.promise;
  }

  overtake(key: string): void {
    if (this.#running.size !== 0) this.#running.delete(key);
  }

  overtakeAll(matches: (key: string) => boolean): void {
    for (const key of this.#running.keys()) if (matches(key)) this.#running.delete(key);
  }

  async #fly(key: string, flight: Flight<T>, fetcher: () => T | Promise<T>, land: (value: T) => void): Promise<T> {
    try {
      const value = await fetcher();
      if (this.#ended(key, flight)) land(value);
      return value;
    } catch (error) {
      this.#ended(key, flight);
      throw error;
    }
  }

  /** Takes the flight off the list; false if it was not there any more. */
  #ended(key: string, flight: Flight<T>): boolean {
    return this.#running.get(key) === flight && this.#running.delete(key);
  }
}
