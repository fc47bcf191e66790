#!/usr/bin/env node
/** The command line. */
import { readFileSync } from "node:fs";
import { Command, Option } from "commander";
import { DEFAULT_MAX_BODY } from "../http/app.ts";
import { LOG_FORMATS, LOG_LEVELS } from "../node/operator-log.ts";
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
  .option(
    "--store <store>",
    "where sessions are kept: sqlite:<path>, redis://<host>:<port> or memory:",
    "sqlite:./sojourn.db",
  )
  .option("--allow-eviction", "take a Redis that may drop sessions when its memory is full", false)
  .option("--host <host>", "the address to listen on; any but this machine's own needs an API key", "127.0.0.1")
  .option("--port <port>", "the port to listen on; 0 takes one that is free", "8787")
  .option("--ttl <duration>", "how long a session lives after its login: 500ms, 30s, 30m, 12h, 30d, 2w", "30m")
  .option("--absolute-ttl <duration>", "the lifetime that nothing extends; at least --ttl", "30d")
  .addOption(
    new Option(
      "--api-key <key>",
      "the key that every request must bring as Authorization: Bearer <key>, 16 characters or more, better 32; " +
        "other users of this machine can see it in the list of processes, so prefer the variable",
    ).env("SOJOURN_API_KEY"),
  )
  .option("--max-body <bytes>", "the largest request body", String(DEFAULT_MAX_BODY))
  .addOption(
    new Option("--log-level <level>", "how much is logged; from info on, every request")
      .choices(LOG_LEVELS)
      .default("warn"),
  )
  .addOption(new Option("--log-format <format>", "how it is logged").choices(LOG_FORMATS).default("text"))
  .action(async (flags: ServeFlags) => serve(checkServeFlags(flags)));

/** Whoever reads standard output may stop reading; that is no reason to stop serving. */
process.stdout.on("error", () => undefined);

try {
  await program.parseAsync();
} catch (error) {
  reportError(error);
}
