// What `output: "standalone"` leaves to whoever deploys it: the files that browsers load.
import { cpSync } from "node:fs";

cpSync(".next/static", ".next/standalone/next-15/.next/static", { recursive: true });
