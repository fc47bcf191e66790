/** Which shard a key belongs to, and how the shards are named. */
import { toStored } from "../stored-text.ts";

const SLOTS = 16_384;

/** The names of the shards' markers. What is in braces decides where a Redis Cluster keeps the shard. */
export function markersOf(prefix: string, shards: number): readonly string[] {
  // Braces of the prefix's own would be taken for the shard's.
  const plain = toStored(prefix).replaceAll(/[%{}]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
  return Array.from({ length: shards }, (_, shard) => `${plain}{${shard}}`);
}

/** The shard of a key, always the same. */
export function shardOf(stored: string, shards: number): number {
  if (shards === 1) return 0;
  // FNV-1a over the units of the text, and a last stir, since its low bits alone are poor.
  let hash = 0x811c9dc5;
  for (let index = 0; index < stored.length; index++) hash = Math.imul(hash ^ stored.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 13)) >>> 0) % shards;
}

/** The order of two stored texts in Redis: that of their bytes of UTF-8, which is that of their code points. */
export function compareStored(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const [x, y] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all others, but below some units. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** The slot of a Redis Cluster in which a key is kept: CRC-16 of what stands in its first braces, or of all of it. */
export function hashSlot(key: string): number {
  const tag = /^[^{]*\{([^}]+)\}/.exec(key)?.[1] ?? key;
  let crc = 0;
  for (let index = 0; index < tag.length; index++) {
    crc ^= tag.charCodeAt(index) << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : ((crc << 1) ^ 0x1021) & 0xffff;
  }
  return (crc & 0xffff) % SLOTS;
}
