/** When a stream takes more. */
import type { Writable } from "node:stream";

/** Resolves with the event `drain`, or once the stream is destroyed. */
export function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    if (stream.destroyed) return resolve();
    stream.on("drain", done);
    stream.on("close", done);
  });
}
