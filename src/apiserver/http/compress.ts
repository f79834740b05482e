/** gzip for large answers (k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/writers.go). */
import { promisify } from "node:util";
import { constants, createGzip, gzip } from "node:zlib";
import type { ApiResponse } from "../../api/exchange.ts";
import { drained } from "../../base/drained.ts";

const gzipOnce = promisify(gzip);
const threshold = 128 * 1024;

/** Upstream looks for the bare word: a wish with a weight is none. */
const wantsGzip = (acceptEncoding: string): boolean => acceptEncoding.split(",").some((token) => token.trim() === "gzip");

/** Compresses a body that is known to be large; what has no known size (watches, logs) passes as it is. */
export async function compress(response: ApiResponse, acceptEncoding: string | undefined): Promise<ApiResponse> {
  const { body } = response;
  const size = body instanceof Uint8Array ? body.length : (response.size ?? 0);
  if (!body || size <= threshold || !acceptEncoding || !wantsGzip(acceptEncoding)) return response;
  if (response.headers["content-encoding"]) return response;
  const { vary } = response.headers;
  const both = !vary ? "Accept-Encoding" : vary.includes("Accept-Encoding") ? vary : `${vary}, Accept-Encoding`;
  const headers: Record<string, string> = { ...response.headers, "content-encoding": "gzip", vary: both };
  delete headers["content-length"];
  if (body instanceof Uint8Array) return { ...response, headers, body: await gzipOnce(body, { level: constants.Z_BEST_SPEED }) };
  return { ...response, headers, body: gzipStream(body) };
}

/** Given up before it is begun, it gives up what it would have read. */
function gzipStream(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const zipped = zip(chunks);
      let begun = false;
      return {
        next() {
          begun = true;
          return zipped.next();
        },
        async return() {
          await (begun ? zipped.return(undefined) : chunks[Symbol.asyncIterator]().return?.());
          return { done: true, value: undefined };
        },
      };
    },
  };
}

async function* zip(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, undefined> {
  const zipper = createGzip({ level: constants.Z_BEST_SPEED });
  const feed = (async () => {
    for await (const chunk of chunks) {
      if (!zipper.write(chunk)) await drained(zipper);
      if (zipper.destroyed) return;
    }
    zipper.end();
  })().catch((error) => void zipper.destroy(error as Error));
  try {
    for await (const chunk of zipper) yield chunk as Uint8Array;
  } finally {
    zipper.destroy();
    await feed;
  }
}
