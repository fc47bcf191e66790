/** Ends what a test run has started, also when the run itself is killed. */
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Keeps the last line that it read. At the end of its input, which comes with this process's end, it cleans up. */
const SCRIPT = `while read -r line; do pids=$line; done; [ -z "$pids" ] || kill -KILL $pids; rm -rf "$0"`;

interface Reaper {
  /** The folder that everything of this process is kept in. */
  readonly folder: string;
  readonly pids: Set<number>;
  tell(): void;
}

let reaper: Reaper | undefined;

function start(): Reaper {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-redis-"));
  // In a group of its own, so that an interrupt at the keyboard does not end it before its work is done.
  const child = spawn("sh", ["-c", SCRIPT, folder], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
  const stdin = child.stdin as unknown as Socket;
  child.unref();
  stdin.unref();
  const pids = new Set<number>();
  return { folder, pids, tell: () => void stdin.write(`${[...pids].join(" ")}\n`) };
}

/** A folder that is removed when this process ends. */
export function reapedFolder(name: string): string {
  reaper ??= start();
  return mkdtempSync(join(reaper.folder, `${name}-`));
}

/** Has a process killed when this one ends. */
export function reap(pid: number): void {
  reaper ??= start();
  reaper.pids.add(pid);
  reaper.tell();
}

/** Forgets a process that has ended, whose number may go to another. */
export function forget(pid: number): void {
  if (reaper?.pids.delete(pid) === true) reaper.tell();
}
