/**
 * The one file that touches what browsers and servers share: UTF-8 and streams. Each is named by its shape, so that
 * the published types need no runtime's types.
 */
declare const TextEncoder: new () => { encode(text: string): Uint8Array<ArrayBuffer> };
declare const TextDecoder: new (
  label: "utf-8",
  options: { readonly ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };
declare const ReadableStream: new (source: {
  readonly type: "bytes";
  start(controller: { enqueue(chunk: Uint8Array): void; close(): void }): void;
}) => ByteStream;

/** A `Blob` or a `File`. */
export interface BlobLike {
  readonly size: number;
  readonly type: string;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** A `ReadableStream` of bytes, such as the body of a `Request`. */
export interface StreamLike {
  getReader(): {
    read(): Promise<{ readonly done: boolean; readonly value?: unknown }>;
    cancel(reason?: unknown): Promise<void>;
  };
}

/**
 * The runtime's own `ReadableStream`, where its types are there; else no more than what it can do. It is found as the
 * body of what `fetch` answers: all runtimes declare that as a function, and not all declare the class as a variable.
 *
 * @example
 * ```ts
 * import { memoryStore } from "sojourn";
 * import { storage, type ByteStream } from "sojourn/kv";
 *
 * const stream: ByteStream = new Blob(["hello"]).stream();
 * const notes = storage.kv({ name: "notes", store: memoryStore() });
 * await notes.put("first", stream);
 * console.log(await (await notes.get("first"))?.text()); // hello
 * ```
 */
export type ByteStream = typeof globalThis extends {
  fetch(...given: never[]): Promise<{ readonly body: infer Body }>;
}
  ? NonNullable<Body>
  : StreamLike;

const encoder = new TextEncoder();
// A mark at the beginning is a part of the text: what was put comes back.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The UTF-8 of a text. A lone surrogate has none: U+FFFD stands in its place. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** The text of UTF-8. What is none becomes U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** A stream of these bytes, which the stream takes over. */
export function streamOf(bytes: Uint8Array): ByteStream {
  return new ReadableStream({
    type: "bytes",
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
}
