/** Taking a request's body within a bound. */
import type { ApiRequest } from "../../api/exchange.ts";
import { requestEntityTooLarge } from "../../api/status.ts";

/** Upstream's MaxRequestBodyBytes. */
export const maxBodyBytes = 3 * 1024 * 1024;

const none = new Uint8Array(0);

/** The whole body. Rejects with 413 once more than `limit` bytes have come, without waiting for the rest. */
export async function readBody(request: ApiRequest, limit = maxBodyBytes): Promise<Uint8Array> {
  const body = request.body;
  const tooLarge = (): never => {
    throw requestEntityTooLarge(`limit is ${limit}`);
  };
  if (body === undefined) return none;
  if (body instanceof Uint8Array) return body.length > limit ? tooLarge() : body;
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > limit) tooLarge();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > limit) tooLarge();
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks, length);
}
