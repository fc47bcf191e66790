import type { Begun, Store } from "../../../src/store/store.ts";

/** One store to the eye, whose calls go through two in turn. A put goes through the one by which it began. */
export function inTurn(stores: readonly Store[]): Store {
  let turn = 0;
  const by = new WeakMap<Begun, Store>();
  const next = (): Store => stores[turn++ % stores.length]!;
  return new Proxy(stores[0]!, {
    get(_, name) {
      const store = next();
      if (name === "put") {
        return (...[entry, expected, now, begun]: Parameters<Store["put"]>) =>
          ((begun && by.get(begun)) ?? store).put(entry, expected, now, begun);
      }
      if (name !== "begin") return Reflect.get(store, name) as unknown;
      return () => {
        const begun = store.begin();
        by.set(begun, store);
        return begun;
      };
    },
  });
}
