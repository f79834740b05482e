/** Taking a request's body within a bound. */
import { Readable } from "node:stream";
import type { ApiRequest } from "../../api/exchange.ts";
import { requestEntityTooLarge } from "../../api/status.ts";
import { Http2Body } from "../../base/http2/body.ts";

/** Upstream's MaxRequestBodyBytes. */
export const maxBodyBytes = 3 * 1024 * 1024;

const tooLong = (limit: number): Error => requestEntityTooLarge(`limit is ${limit}`);

const none = new Uint8Array(0);

/** The whole body, at once where it has come. Throws and rejects with 413 once more than `limit` bytes have come, without waiting for the rest. */
export function readBody(request: ApiRequest, limit = maxBodyBytes): Uint8Array | Promise<Uint8Array> {
  const { body } = request;
  if (body === undefined) return none;
  if (!(body instanceof Uint8Array)) return readRest(request, body, limit);
  if (body.length > limit) throw tooLong(limit);
  return body;
}

async function readRest(request: ApiRequest, body: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const tooLarge = (): never => {
    throw tooLong(limit);
  };
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > limit) tooLarge();
  if (body instanceof Http2Body) return body.whole(limit, () => tooLong(limit));
  if (body instanceof Readable) return readStream(body, limit);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > limit) tooLarge();
    chunks.push(chunk);
  }
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks, length);
}

/** A stream's events cost a third of its async iterator, which each small body would pay for. */
function readStream(body: Readable, limit: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const settle = (): void => {
      body.off("data", take);
      body.off("end", done);
      body.off("error", fail);
      body.off("close", cut);
    };
    const take = (chunk: Uint8Array): void => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > limit) fail(tooLong(limit));
    };
    const done = (): void => {
      settle();
      resolve(chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks, length));
    };
    const fail = (error: Error): void => {
      settle();
      body.pause();
      reject(error);
    };
    const cut = (): void => fail(new Error("the client went away"));
    body.on("data", take);
    body.on("end", done);
    body.on("error", fail);
    body.on("close", cut);
    if (body.readableEnded) done();
    else if (body.destroyed) cut();
  });
}
