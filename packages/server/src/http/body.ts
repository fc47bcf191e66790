/** The JSON body of a request, read with a limit. */
import { Refusal } from "./answer.ts";

/** The content types that are taken: plain JSON, and a patch after RFC 7396. */
export type BodyType = keyof typeof TYPES;

const TYPES = {
  "application/json": /^application\/json[\t ]*(?:;|$)/i,
  "application/merge-patch+json": /^application\/merge-patch\+json[\t ]*(?:;|$)/i,
} as const;

/**
 * Reads and parses a body.
 *
 * Only JSON that says so is taken: a page of another site can send a form or plain text to us without asking the
 * browser first, but not that.
 *
 * @param maxBody the most bytes that are read
 * @throws Refusal 415, 413 or 400
 */
export async function readJson(request: Request, type: BodyType, maxBody: number): Promise<unknown> {
  if (!TYPES[type].test(request.headers.get("content-type") ?? "")) {
    throw new Refusal(415, `Expected a body with the content type ${type}`);
  }
  const bytes = await readBytes(request, maxBody);
  let text: string;
  try {
    // Not Request.text(): that would make one and the same token of different bytes that are not UTF-8.
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Refusal(400, "Expected a body in UTF-8");
  }
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the body.
    throw new Refusal(400, "Expected a body that is JSON");
  }
}

async function readBytes(request: Request, maxBody: number): Promise<Uint8Array> {
  const announced = request.headers.get("content-length");
  if (announced !== null && Number(announced) > maxBody) throw tooLarge(maxBody);
  try {
    // An announced length bounds the body, and reading it at once is the faster way.
    const bytes =
      announced !== null && !request.headers.has("transfer-encoding")
        ? new Uint8Array(await request.arrayBuffer())
        : await readStream(request.body, maxBody);
    if (bytes.length > maxBody) throw tooLarge(maxBody);
    return bytes;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(400, "The body did not arrive whole");
  }
}

async function readStream(body: Request["body"], maxBody: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > maxBody) throw tooLarge(maxBody);
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function tooLarge(maxBody: number): Refusal {
  return new Refusal(413, `Expected a body of at most ${maxBody} bytes`);
}
