/** What is put comes back, in every form. */
import { equal, fails, holds } from "../../../src/testing/expect.ts";
import { DAY_SECONDS, storageCase, type StorageCase } from "./storage-case.ts";

const texts = [
  "",
  "text",
  "\uFEFFwith a mark",
  "nul \0 inside",
  "😀 é e\u0301 \u{10FFFF}",
  "line\nbreak",
  "x".repeat(100_000),
];
const every = Uint8Array.from({ length: 256 }, (_, index) => index);

export const valueCases: readonly StorageCase[] = [
  storageCase("text comes back in all five ways", async ({ kv }) => {
    for (const text of texts) {
      const bytes = new TextEncoder().encode(text);
      const put = await kv.put("k", text);
      equal(put.size, bytes.length, "the size that a put tells");
      equal(await (await kv.get("k"))?.text(), text, "text");
      equal(await (await kv.get("k"))?.bytes(), bytes, "bytes");
      equal(new Uint8Array((await (await kv.get("k"))?.arrayBuffer())!), bytes, "arrayBuffer");
      equal(await new Response((await kv.get("k"))?.stream()).bytes(), bytes, "stream");
      equal((await kv.get("k"))?.size, bytes.length, "the size");
    }
    await kv.put("k", '{"a":[1,"é"]}');
    equal(await (await kv.get("k"))?.json<{ a: unknown[] }>(), { a: [1, "é"] }, "json");
  }),

  storageCase("bytes come back as they were, whatever they came in", async ({ kv }) => {
    const view = new DataView(every.buffer, 16, 100);
    const stream = new Blob([every.slice(0, 200), every.slice(200)]).stream();
    const values = [every, every.buffer, every.subarray(3, 9), view, new Uint16Array(every.buffer), new Blob([every])];
    const lengths = [256, 256, 6, 100, 256, 256];
    for (const [index, value] of values.entries()) {
      await kv.put("k", value);
      const handle = await kv.get("k");
      equal(handle?.size, lengths[index], `the size of value ${index}`);
      const from = value === view ? 16 : index === 2 ? 3 : 0;
      equal(await handle?.bytes(), every.subarray(from, from + lengths[index]!), `value ${index}`);
    }
    await kv.put("k", stream);
    const buffer = await (await kv.get("k"))?.arrayBuffer();
    equal(new Uint8Array(buffer!), every, "the bytes of a stream, in a buffer of their own");
    await kv.put("k", new Uint8Array());
    equal(await (await kv.get("k"))?.text(), "", "no bytes at all");
  }),

  storageCase("a lone surrogate becomes U+FFFD, as UTF-8 has it", async ({ kv }) => {
    const put = await kv.put("k", "a\uD800b\uDC00c");
    equal(await (await kv.get("k"))?.text(), "a\uFFFDb\uFFFDc", "the text");
    equal(put.size, 9, "the size");
  }),

  storageCase("what was given can be changed at once, and what was read as well", async ({ kv }) => {
    const given = new Uint8Array([1, 2, 3]);
    const put = kv.put("k", given);
    given.fill(9);
    await put;
    const first = await kv.get("k");
    (await first?.bytes())?.fill(9);
    equal(await (await kv.get("k"))?.bytes(), new Uint8Array([1, 2, 3]), "the bytes");
  }),

  storageCase("content type, metadata and end are told by put, get, head and list", async ({ kv, clock }) => {
    const metadata = { device: "téléphone 😀", nested: { list: [1, null, true] }, "a\uD800": "\0" };
    const expiresAt = clock.now() + 90_000;
    const put = await kv.put("k", "text", { ttlSeconds: 90, contentType: "text/plain; charset=utf-8", metadata });
    const { key, size, etag } = put;
    const told = { key: "k", size: 4, etag, contentType: "text/plain; charset=utf-8", metadata, expiresAt };
    equal(put, told, "what put tells");
    equal(await kv.head("k"), told, "what head tells");
    const { text, json, arrayBuffer, bytes, stream, bodyUsed, ...rest } = (await kv.get("k"))!;
    equal(rest, told, "what get tells");
    equal([key, size, bodyUsed], ["k", 4, false], "the rest");
    holds(
      [text, json, arrayBuffer, bytes, stream].every((each) => typeof each === "function"),
      "the five ways",
    );
    equal((await kv.list()).keys, [{ name: "k", expiresAt, metadata }], "what a listing tells");
  }),

  storageCase(
    "without options there is no content type and no metadata; a Blob brings its own type",
    async ({ kv }) => {
      const plain = await kv.put("k", "text");
      equal([plain.contentType, plain.metadata], [null, null], "of a text");
      const blob = new Blob(["<p>"], { type: "text/html" });
      equal((await kv.put("k", blob)).contentType, "text/html", "of a Blob");
      equal(
        (await kv.put("k", blob, { contentType: "text/plain" })).contentType,
        "text/plain",
        "of a Blob with another",
      );
      equal((await kv.put("k", new Blob(["x"]))).contentType, null, "of a Blob without");
      equal((await kv.head("k"))?.contentType, null, "after it was replaced");
    },
  ),

  storageCase("the largest metadata is kept, and listed", async ({ kv }) => {
    for (const letter of ["m", "é", '"', "\n", "😀"]) {
      const room = 1_024 - '["text/plain",{"m":""}]'.length;
      const bytes = letter === '"' || letter === "\n" ? 2 : new TextEncoder().encode(letter).length;
      const metadata = { m: letter.repeat(Math.floor(room / bytes)) };
      await kv.put("k", "value", { contentType: "text/plain", metadata });
      equal((await kv.head("k"))?.metadata, metadata, "the metadata");
      equal((await kv.list()).keys[0]?.metadata, metadata, "the listed metadata");
      equal(await (await kv.get("k"))?.text(), "value", "the value");
      await kv.put("k", every, { contentType: "text/plain", metadata });
      equal(new Uint8Array((await (await kv.get("k"))?.arrayBuffer())!), every, "bytes, in a buffer of their own");
      await kv.delete("k");
      const tooLarge = { m: letter.repeat(Math.floor(room / bytes) + 1) };
      const put = async (): Promise<unknown> => kv.put("k", "v", { contentType: "text/plain", metadata: tooLarge });
      await fails(put, "storage_metadata_too_large", "metadata of one more");
      equal(await kv.get("k"), null, "what is there after it");
    }
  }),

  storageCase("the etag is strong, and every write makes a new one", async ({ kv }) => {
    const seen = new Set<string>();
    for (let write = 0; write < 4; write++) {
      const { etag } = await kv.put("k", "the same");
      holds(/^"[\w-]+"$/.test(etag), `a quoted etag, got ${etag}`);
      seen.add(etag);
      equal([(await kv.head("k"))?.etag, (await kv.get("k"))?.etag], [etag, etag], "the etags of head and get");
    }
    equal(seen.size, 4, "how many etags four writes made");
  }),

  storageCase("a handle is read once, and then says so", async ({ kv }) => {
    await kv.put("k", '{"a":1}');
    const ways = ["text", "json", "arrayBuffer", "bytes", "stream"] as const;
    for (const first of ways) {
      const handle = (await kv.get("k"))!;
      equal(handle.bodyUsed, false, "whether it was read");
      await handle[first]();
      equal(handle.bodyUsed, true, `whether it was read, after ${first}`);
      for (const second of ways) {
        await fails(async () => handle[second](), "storage_already_read", `${second} after ${first}`);
      }
      equal(handle.size, 7, "what it still tells");
    }
    const bad = (await kv.get("k"))!;
    await Promise.all([bad.text(), fails(async () => bad.json(), "storage_already_read", "two reads at once")]);
    equal(await (await kv.get("k"))?.text(), '{"a":1}', "the value, of another handle");
  }),

  storageCase("what is not JSON says so, and quotes nothing", async ({ kv }) => {
    for (const text of ["", "secret", "{", '{"a":1,}', "undefined", "\uFEFF{}", "NaN"]) {
      await kv.put("k", text);
      const handle = (await kv.get("k"))!;
      const error = await handle.json().then(
        () => undefined,
        (reason: unknown) => reason as Error & { code: string; status: number },
      );
      equal([error?.code, error?.status], ["storage_invalid_json", 500], `the json of ${JSON.stringify(text)}`);
      holds(!String(error).includes("secret"), "the message must not hold the value");
    }
    await kv.put("k", new Uint8Array([0xff, 0xfe]));
    await fails(async () => (await kv.get("k"))?.json(), "storage_invalid_json", "the json of bytes");
  }),

  storageCase("a handle stays what it was when its key changes or ends", async ({ kv, clock }) => {
    await kv.put("k", "first");
    const handle = (await kv.get("k"))!;
    await kv.put("k", "second");
    await kv.delete("k");
    clock.advance("10d");
    equal(await handle.text(), "first", "the text");
    equal(handle.expiresAt, clock.now() - 10 * 86_400_000 + DAY_SECONDS * 1_000, "the end");
  }),
];
