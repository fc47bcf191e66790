/** What `storage.kv` does, the same on every store. */
import { keyCases } from "./key-cases.ts";
import { seedProgram } from "./seed-program.ts";
import type { StorageCase } from "./storage-case.ts";
import { valueCases } from "./value-cases.ts";

export const storageSuite: readonly StorageCase[] = [...valueCases, ...keyCases, seedProgram];
