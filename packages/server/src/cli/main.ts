#!/usr/bin/env node
/** The command line. */
import { readFileSync } from "node:fs";
import { Command, Option } from "commander";
import { DEFAULT_MAX_BODY } from "../http/app-options.ts";
import { LOG_FORMATS, LOG_LEVELS } from "../node/operator-log.ts";
import { auditVerify, type AuditVerifyFlags } from "./audit-verify.ts";
import { oneLine, reportError } from "./report-error.ts";
import { checkServeFlags, type ServeFlags } from "./serve-options.ts";
import { serve } from "./serve.ts";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const program = new Command("sojourn")
  .description("A session service over HTTP: log in, resolve, log out, count.")
  .version(version)
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(oneLine(text)) });

program
  .command("serve")
  .description("Serve sessions over HTTP until SIGTERM or SIGINT.")
  .addOption(
    option(
      "--store <store>",
      "where sessions are kept: sqlite:<path>, redis://<host>:<port>, postgres://<host>:<port>/<database> or memory:",
      "sqlite:./sojourn.db",
    ),
  )
  .addOption(
    option("--allow-eviction [yes|no]", "take a Redis that may drop sessions when its memory is full", "no").preset(
      "yes",
    ),
  )
  .addOption(option("--migrate [yes|no]", "make the tables in Postgres, or update them, first", "no").preset("yes"))
  .addOption(
    option(
      "--host <host>",
      "the address to listen on; any but this machine's own needs --api-key or --open",
      "127.0.0.1",
    ),
  )
  .addOption(option("--port <port>", "the port to listen on; 0 takes one that is free", "8787"))
  .addOption(
    option("--ttl <duration>", "how long a session lives after its login: 500ms, 30s, 30m, 12h, 30d, 2w", "30m"),
  )
  .addOption(option("--absolute-ttl <duration>", "the lifetime that nothing extends; at least --ttl", "30d"))
  .addOption(
    option(
      "--api-key <key>",
      "the key that every request must bring as Authorization: Bearer <key>, 16 characters or more, better 32; " +
        "other users of this machine can see it in the list of processes, so prefer the variable",
    ),
  )
  .addOption(
    option(
      "--open [yes|no]",
      "answer everybody who can reach the service, without a key: a public service",
      "no",
    ).preset("yes"),
  )
  .addOption(option("--cors <origins>", "origins whose pages may ask, with commas between them, or * for all"))
  .addOption(option("--protect-probes [yes|no]", "/healthz and /readyz need the key as well", "no").preset("yes"))
  .addOption(option("--open-metrics [yes|no]", "/metrics needs no key", "no").preset("yes"))
  .addOption(
    option(
      "--cookie-keys <keys>",
      "the keys that session cookies are signed with, the newest first, with commas between them: proxies may ask " +
        "/verify; prefer the variable",
    ),
  )
  .addOption(option("--cookie-name <name>", "the cookie that /verify reads; by default __Host-session"))
  .addOption(option("--verify-fields <names>", "fields of sessions that /verify tells, with commas between them"))
  .addOption(option("--max-body <bytes>", "the largest request body", String(DEFAULT_MAX_BODY)))
  .addOption(
    option("--log-level <level>", "how much is logged; from info on, every request", "warn").choices(LOG_LEVELS),
  )
  .addOption(option("--log-format <format>", "how it is logged", "text").choices(LOG_FORMATS))
  .action(async (flags: ServeFlags) => serve(checkServeFlags(flags), version));

program
  .command("migrate")
  .description("Make the tables in Postgres, or bring them to this version.")
  .addOption(option("--store <store>", "postgres://<host>:<port>/<database>").makeOptionMandatory())
  .action(async ({ store }: { readonly store: string }) => {
    const { migratePostgres } = await import("./open-postgres.ts");
    process.stdout.write(`${await migratePostgres(store)}\n`);
  });

program
  .command("audit")
  .description("Look at an audit log.")
  .command("verify")
  .description(
    "Find out whether an audit log is as it was written: exit code 0 if it is, 1 if it is not, 2 if nobody can say.",
  )
  .argument(
    "<log>",
    "the SQLite file of sqliteAuditSink, or postgres://<host>:<port>/<database> of postgresAuditSink; it is only read",
  )
  .option(
    "--head <head>",
    "the head of an earlier verification, noted elsewhere: finds a log that was written anew or cut off",
  )
  .action(async (log: string, flags: AuditVerifyFlags) => auditVerify(log, flags));

/** An option that a variable gives as well: `--log-level` is `SOJOURN_LOG_LEVEL`. */
function option(flags: string, description: string, fallback?: string): Option {
  const made = new Option(flags, description);
  made.env(`SOJOURN_${made.name().toUpperCase().replaceAll("-", "_")}`);
  return fallback === undefined ? made : made.default(fallback);
}

/** Whoever reads standard output may stop reading; that is no reason to stop serving. */
process.stdout.on("error", () => undefined);

try {
  await program.parseAsync();
} catch (error) {
  reportError(error);
}
