// The app is that of Next 16, but for the names of the proxy's file and of what it exports.
import { cpSync, rmSync } from "node:fs";

for (const folder of ["app", "lib", "pages"]) {
  rmSync(folder, { recursive: true, force: true });
  cpSync(`../next/${folder}`, folder, { recursive: true });
}

// The library loads the Next that is beside it, and beside it there is that of the other apps.
rmSync("node_modules/sojourn", { recursive: true, force: true });
cpSync("../node_modules/sojourn", "node_modules/sojourn", { recursive: true });
