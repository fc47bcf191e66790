/** What is asked of the server before the first call: version, role, settings, and the tables. */
import { GuaranteeError, StoreError } from "../../errors.ts";
import type { Guarantees } from "../store.ts";
import type { Calls } from "./calls.ts";
import type { Row } from "./postgres-port.ts";
import { isYes } from "./rows.ts";

/** 14, as `server_version_num` says it: the oldest that is kept up. */
const OLDEST = 140_000;

/** What the server says of itself. */
export interface Server {
  readonly synchronousCommit: string;
  readonly fsync: boolean;
  readonly fullPageWrites: boolean;
  readonly synchronousStandbys: string;
  readonly standbys: number;
}

/** What is sent to see whether it comes back as it was: clients can be told to change what they send and take. */
const TEXT = " it's a \\text ";
const BYTES: Uint8Array = Uint8Array.of(0, 255, 128, 10);
const IN_BASE64 = "AP+ACg==";
const NUMBER = "9007199254740993";

const SERVER = {
  name: "sojourn_server",
  text: `SELECT $1::text, encode($2::bytea, 'base64'), $3::bigint, true, current_setting('server_version_num'), pg_is_in_recovery()::text,
    current_setting('default_transaction_isolation'), current_setting('synchronous_commit'), current_setting('fsync'),
    current_setting('full_page_writes'), current_setting('synchronous_standby_names'),
    (SELECT count(*) FROM pg_stat_replication)::text, current_setting('transaction_read_only'),
    current_setting('server_encoding')`,
};

/**
 * @throws TypeError if the client changes what it sends or takes
 * @throws GuaranteeError if the server is too old, the database cannot hold every text, or its transactions are not READ COMMITTED
 * @throws StoreError `store_readonly` if it takes no writes
 */
export async function askServer(calls: Calls): Promise<Server> {
  const [row] = await calls.run(SERVER, [TEXT, BYTES, NUMBER]);
  const [
    version,
    isStandby,
    isolation,
    synchronousCommit,
    fsync,
    fullPageWrites,
    names,
    standbys,
    isReadonly,
    encoding,
  ] = settingsIn(row);
  if (!(Number(version) >= OLDEST)) {
    throw new GuaranteeError(`Expected Postgres ${OLDEST / 10_000} or later, got version ${version}`);
  }
  if (isStandby === "true" || isReadonly === "on") {
    throw new StoreError("store_readonly", "The Postgres server takes no writes: it is a standby, or read-only");
  }
  if (isolation !== "read committed") {
    throw new GuaranteeError(
      `Expected \`default_transaction_isolation\` to be "read committed" for this role, got "${isolation}": ` +
        "ALTER ROLE … SET default_transaction_isolation = 'read committed'",
    );
  }
  // Another one has no place for most of what users are called, so that some could log in and others not.
  if (encoding !== "UTF8" && encoding !== "SQL_ASCII") {
    throw new GuaranteeError(`Expected the encoding of the database to be UTF8 or SQL_ASCII, got ${encoding}`);
  }
  return {
    synchronousCommit: synchronousCommit ?? "",
    fsync: fsync === "on",
    fullPageWrites: fullPageWrites === "on",
    synchronousStandbys: names ?? "",
    standbys: Number(standbys),
  };
}

/** @throws TypeError if the client changes what it sends or takes */
function settingsIn(row: Row | undefined): readonly string[] {
  const [text, bytes, number, yes, ...settings] = Array.isArray(row) ? (row as Row) : [];
  const changed = !Array.isArray(row)
    ? "rows that are no arrays"
    : text !== TEXT
      ? "a text that was changed"
      : bytes !== IN_BASE64
        ? "bytes that were changed"
        : String(number) !== NUMBER
          ? "a number that was changed"
          : !isYes(yes) && "a boolean that was changed";
  if (changed === false) return settings.map(String);
  throw new TypeError(
    `Expected \`client\` to hand over values and rows as they are, got ${changed}: take out of its options what ` +
      "transforms them, such as `transform.row` or `types` of postgres.js, or `binary` of pg",
  );
}

/** What the settings of a server do not say. */
interface GuaranteesOptions {
  /** Whether it is one, and not a part of this process. */
  readonly isServer: boolean;
  /** How often it is asked what was removed, in milliseconds. */
  readonly maxLag: number;
}

/**
 * What the server promises, from what is really set on it.
 *
 * With `synchronous_commit = off` it answers before it writes. Without `fsync`, what it has written is with the system,
 * and without `full_page_writes` a page that was half written is lost with the power. A failover loses nothing only if a
 * commit waits for a standby: with standbys, none of them synchronous, or with a `synchronous_commit` that does not wait
 * for them, it can.
 */
export function guaranteesOf(server: Server, { isServer, maxLag }: GuaranteesOptions): Guarantees {
  const { synchronousCommit, fsync, fullPageWrites } = server;
  const isDurable = isServer && synchronousCommit !== "off";
  const waits = server.synchronousStandbys !== "" && /^(on|remote_apply)$/.test(synchronousCommit);
  return Object.freeze({
    durability: !isDurable ? "none" : fsync && fullPageWrites ? "power" : "process",
    atomic: true,
    staleMs: 0,
    evicts: false,
    failoverLoss: server.standbys > 0 && !waits,
    exactOrder: false,
    removalsMs: maxLag,
  });
}
