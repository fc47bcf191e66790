import { Slots } from "../../../src/cache/slots.ts";

/** Slots that a test gives out and takes back itself. */
export class OpenSlots<V> extends Slots<V> {
  override allocate(key: string, value: V): number {
    return super.allocate(key, value);
  }

  override release(slot: number): void {
    super.release(slot);
  }
}
