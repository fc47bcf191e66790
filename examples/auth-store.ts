/** Where these examples keep their sessions: in memory, or in the SQLite file that is named as their first argument. */
import { memoryStore, type Store } from "sojourn";
import { sqliteStore } from "sojourn/sqlite";

const file = process.argv[2];

export const store: Store<"sync"> = file === undefined ? memoryStore() : sqliteStore({ path: file });
