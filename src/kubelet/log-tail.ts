/** The last words of a container, for its termination message. */
import { open } from "node:fs/promises";
import { parseLogLine } from "./log-line.ts";

const maxLines = 80;
const maxBytes = 2048;
/** Lines carry a time and a stream besides their content. */
const window = 64 * 1024;

/** Content of the last 80 lines, at most 2048 bytes of it. Never rejects: a failure is the text. */
export async function readEnd(path: string): Promise<string> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const length = Math.min(size, window);
    const buffer = Buffer.alloc(length);
    await file.read(buffer, 0, length, size - length);
    const text = length < size ? buffer.subarray(buffer.indexOf(10) + 1) : buffer;
    const contents: Buffer[] = [];
    let at = 0;
    for (let end = text.indexOf(10, at); end >= 0; end = text.indexOf(10, at)) {
      const line = parseLogLine(text.subarray(at, end));
      if (line) contents.push(line.partial ? line.content : Buffer.concat([line.content, Buffer.from("\n")]));
      at = end + 1;
    }
    const all = Buffer.concat(contents.slice(-maxLines));
    return all.subarray(Math.max(0, all.length - maxBytes)).toString("utf8");
  } catch (error) {
    return `Error on reading termination message from logs: ${(error as Error).message}`;
  }
}
