/** Where things lie. */
import { fileURLToPath } from "node:url";

/** The repository. */
export const root: string = fileURLToPath(new URL("../..", import.meta.url));
/** The folder of the apps. */
export const frameworks: string = fileURLToPath(new URL("..", import.meta.url));
