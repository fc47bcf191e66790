/** What the calls of one manager share. */
import type { Mode } from "../store/reply.ts";
import type { Store } from "../store/store.ts";
import type { DataCodec } from "./data.ts";
import type { EventHub } from "./events.ts";
import type { Policy } from "./options.ts";

export interface ManagerContext<Data, M extends Mode> {
  readonly store: Store<M>;
  readonly policy: Policy;
  readonly codec: DataCodec<Data>;
  readonly events: EventHub<Data>;
}
