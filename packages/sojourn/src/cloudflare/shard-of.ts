/**
 * Which of so many shards a key belongs to: FNV-1a over its UTF-16 units, and a last mixing, since keys that differ
 * only in their last letters would differ only in a few bits. What is stored depends on it: it must never change.
 */
export function shardOf(key: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % shards;
}
