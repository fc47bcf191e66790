/**
 * What others change, told by the server that changed it.
 *
 * The scripts publish the key of every entry that they replace, change, touch, delete or revoke, on one channel of its shard,
 * and the head of every entry that they remove on another one. A watch listens to one of the two, at the very server that
 * takes the writes of the shard, over connections of its own. What it has been told is complete because of an order: a
 * server puts a message into the stream of every listener while it runs the script. So does the probe of `confirm`, on a
 * channel that only this watch listens on. When the probe has come through the stream, everything has that the server
 * published before it, and so every change that was acknowledged before. Three things could break that, and each is looked
 * at:
 *
 * - *The listener is at another server than the writes.* A server answers a publish with the number of listeners of its
 *   own: the probe has to find one.
 * - *The server does not take writes any more.* The probe makes a write that changes nothing: a replica, a part of a
 *   Cluster that is cut off, and a master without enough replicas refuse it.
 * - *The stream broke, and another has taken its place.* A connection is never mended. When it ends, and again when the
 *   next one listens, something may have been missed, which is told before a probe is sent.
 */
import { StoreError } from "../../errors.ts";
import { uniqueRev } from "../../tokens/token.ts";
import type { Watch } from "../store.ts";
import type { Calls } from "./calls.ts";
import type { Listening, RedisPort } from "./redis-port.ts";
import type { RunScript, Script } from "./script-runner.ts";

export interface WatchedShards {
  readonly port: RedisPort;
  readonly calls: Calls;
  readonly run: RunScript;
  readonly probe: Script;
  readonly markers: readonly string[];
  readonly stamp: string;
  /** What the markers were when they were last looked at, without their ends. Another one means that all was lost. */
  readonly epochs: string[];
}

/** A connection that listens for some of the shards. */
interface Link {
  /** On which probes come, for nobody else. */
  readonly channel: string;
  /** The probes that are under way. */
  readonly awaited: Map<string, { arrived(): void; failed(error: StoreError): void }>;
  listening: Listening | undefined;
  isOver: boolean;
}

/** What a watch listens to: the end of its channels' names, and what is done with a message. */
export interface Listener {
  /** `:c` for changes, `:g` for what is gone. */
  readonly channel: ":c" | ":g";
  told(text: string): void;
  /** Messages may have been missed. */
  missed(): void;
}

const MARK_END = -17;

export function watchShards(shards: WatchedShards, listener: Listener): Watch {
  const { port, calls, run, probe, markers, stamp, epochs } = shards;
  const channelOf = (marker: string): string => marker + listener.channel;
  const channels = new Set(markers.map(channelOf));
  /** By shard. */
  let links: (Link | undefined)[] = [];
  let linking: Promise<void> | undefined;
  let probes = 0;
  let isClosed = false;

  /** Opens what is missing: one connection for each server that has shards. */
  async function relink(): Promise<void> {
    const missing = new Map<string | undefined, string[]>();
    for (const [shard, marker] of markers.entries()) {
      if (links[shard]?.isOver === false) continue;
      const server = port.serverOf(marker);
      missing.set(server, [...(missing.get(server) ?? []), marker]);
    }
    if (missing.size === 0) return;
    await Promise.all(
      [...missing].map(async ([server, some]) => {
        if (server === undefined) throw away("No server of the Redis Cluster has the shard");
        const link = await open(some);
        for (const marker of some) links[markers.indexOf(marker)] = link;
      }),
    );
    // What came to be known while nobody listened.
    if (!isClosed) listener.missed();
  }

  async function open(some: readonly string[]): Promise<Link> {
    const channel = `${markers[0]}:w:${uniqueRev()}`;
    const link: Link = { channel, awaited: new Map(), listening: undefined, isOver: false };
    link.listening = await port.listen(some[0]!, {
      message(from, text) {
        if (from === channel) link.awaited.get(text)?.arrived();
        else if (channels.has(from) && !isClosed) listener.told(text);
      },
      ended() {
        link.isOver = true;
        for (const { failed } of link.awaited.values()) failed(away("The connection that listens to Redis has ended"));
        if (!isClosed) listener.missed();
      },
    });
    await link.listening.subscribe([...some.map(channelOf), channel]);
    if (isClosed) link.listening.close();
    return link;
  }

  async function prove(): Promise<void> {
    linking ??= relink().finally(() => {
      linking = undefined;
    });
    await linking;
    const number = ++probes;
    await Promise.all(markers.map(async (marker, shard) => proveShard(marker, shard, `${number}.${shard}`)));
  }

  async function proveShard(marker: string, shard: number, token: string): Promise<void> {
    const link = links[shard];
    if (link === undefined || link.isOver) throw away("The connection that listens to Redis has ended");
    const arrival = new Promise<void>((arrived, failed) => link.awaited.set(token, { arrived, failed }));
    // It is waited for only after the answer, which can fail first.
    arrival.catch(() => {});
    try {
      const reply = await run(probe, marker, [link.channel, token, stamp]);
      const [mark, listeners] = reply as readonly [string, number];
      if (listeners === 0) {
        link.listening?.close();
        throw away("Redis was listened to at another server than it is written to");
      }
      await arrival;
      const epoch = mark.slice(0, MARK_END);
      if (epoch === epochs[shard]) return;
      epochs[shard] = epoch;
      listener.missed();
    } finally {
      link.awaited.delete(token);
    }
  }

  return {
    async confirm() {
      if (isClosed) throw new StoreError("store_closed", "The watch is closed");
      return calls.run(prove, () => {});
    },
    async close() {
      isClosed = true;
      for (const link of links) link?.listening?.close();
      links = [];
    },
  };
}

function away(message: string): StoreError {
  return new StoreError("store_unavailable", message);
}
