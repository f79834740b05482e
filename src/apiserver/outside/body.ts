/** Bodies of answers from outside, bounded. */
import type { IncomingMessage } from "node:http";

/** Rejects, and hangs up, for more than `limit` bytes. */
export async function bodyWithin(response: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) {
      response.destroy();
      throw new Error(`the answer is longer than ${limit} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
