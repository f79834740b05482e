/** A blob as an answer: streamed, in part when a part was asked for (RFC 9110, section 14). */
import { createReadStream } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { RegistryError } from "./errors.ts";
import type { Digest } from "./names.ts";

/** Undefined for what is no single range: the whole is the answer then. Throws RegistryError for one beyond the end. */
function partOf(header: string | undefined, size: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "");
  if (!match || (!match[1] && !match[2])) return undefined;
  const start = match[1] ? Number(match[1]) : Math.max(0, size - Number(match[2]));
  const end = match[1] && match[2] ? Math.min(Number(match[2]), size - 1) : size - 1;
  if (start >= size || end < start)
    throw new RegistryError("SIZE_INVALID", `the blob has ${size} bytes`, { status: 416, headers: { "Content-Range": `bytes */${size}` } });
  return { start, end };
}

export async function sendBlob(request: IncomingMessage, response: ServerResponse, blob: { path: string; size: number }, digest: Digest): Promise<void> {
  const spelled = `${digest.algorithm}:${digest.hex}`;
  const part = partOf(request.headers.range, blob.size);
  const headers = {
    "Content-Type": "application/octet-stream",
    "Docker-Content-Digest": spelled,
    "Accept-Ranges": "bytes",
    ETag: `"${spelled}"`,
  };
  if (part)
    response.writeHead(206, { ...headers, "Content-Length": part.end - part.start + 1, "Content-Range": `bytes ${part.start}-${part.end}/${blob.size}` });
  else response.writeHead(200, { ...headers, "Content-Length": blob.size });
  if (request.method === "HEAD" || blob.size === 0) return void response.end();
  try {
    await pipeline(createReadStream(blob.path, { highWaterMark: 256 * 1024, ...part }), response);
  } catch (error) {
    // The client went away: nobody is left to be told.
    if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  }
}
