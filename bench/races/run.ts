/**
 * The races that sessions lose, as a table: `npm run bench:races [-- --json]`.
 *
 * Each row is a server on a real socket. connect-redis takes part where a `redis-server` is found; it is started for
 * this, on a port of its own.
 */
import { runRaces, type Outcome } from "./races.ts";
import { startRedis } from "./redis-server.ts";
import { allSubjects } from "./subjects.ts";

const redis = await startRedis();
const rows: { readonly name: string; readonly outcome: Outcome }[] = [];
try {
  for (const subject of allSubjects(redis?.url)) {
    rows.push({ name: subject.name, outcome: await runRaces(subject) });
  }
} finally {
  await redis?.stop();
}

if (process.argv.includes("--json")) console.log(JSON.stringify({ node: process.version, rows }));
console.log(`\nRaces (Node ${process.version})\n`);
console.log(
  "| sessions | logout while a request reads | logout while a request writes | two writers | redirect before the save | 100 requests without a cookie | 100 reads |",
);
console.log("| --- | --- | --- | --- | --- | --- | --- |");
for (const { name, outcome } of rows) {
  const { slowRead, slowWrite, twoWriters, redirect, cookieless, reads } = outcome;
  console.log(
    `| ${name} | ${slowRead} | ${slowWrite} | ${twoWriters} | ${redirect} | ${cookieless} stored | ${reads} written |`,
  );
}
if (redis === undefined) console.log("\nconnect-redis did not take part: no redis-server was found.");
