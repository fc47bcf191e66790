/** One app in a process of its own: `node bench/web/server.ts <app> <URL of Redis>`. */
import { apps } from "./apps.ts";

const [, , name = "", redisUrl = ""] = process.argv;
const start = apps[name];
if (start === undefined) throw new Error(`No app is called ${name}`);
const port = await start(redisUrl);
process.send?.(port);
process.on("message", () => process.send?.(process.cpuUsage()));
process.once("disconnect", () => process.exit());
