/** Lines of the runtime's log files: `2026-11-21T10:00:00.123456789Z stdout F content` (CRI logging format, KEP-2527). */

export interface LogLine {
  /** RFC 3339 with nanoseconds, as it is written. */
  time: string;
  stream: "stdout" | "stderr";
  /** The runtime broke a long line here: no newline follows the content. */
  partial: boolean;
  content: Buffer;
}

const space = 32;

/** `line` without its newline; undefined for what is no such line. */
export function parseLogLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(space);
  const second = line.indexOf(space, first + 1);
  const third = line.indexOf(space, second + 1);
  if (first < 0 || second < 0 || third < 0) return undefined;
  const stream = line.toString("latin1", first + 1, second);
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  const tags = line.toString("latin1", second + 1, third).split(":");
  return { time: line.toString("latin1", 0, first), stream, partial: tags[0] === "P", content: line.subarray(third + 1) };
}
