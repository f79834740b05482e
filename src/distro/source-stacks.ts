/**
 * Stacks of errors in terms of the sources where the program runs from its bundle. The maps are read when a stack is looked at,
 * which is seldom: with Node's --enable-source-maps they lie in memory from the start (5 MiB of an API server).
 */
import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { fileURLToPath } from "node:url";

type Find = (file: string) => Pick<SourceMap, "findEntry"> | undefined;

/** A frame of a stack, `name (file:///k8ts/dist/k8ts.js:10:20)`, with the place in the source where `find` has a map of the file. */
export function sourceFrame(frame: string, find: Find): string {
  return frame.replace(/(file:\/\/[^\s()]+):(\d+):(\d+)/, (place, file: string, line: string, column: string) => {
    const entry = find(file)?.findEntry(Number(line) - 1, Number(column) - 1);
    if (!entry || !("originalSource" in entry)) return place;
    return `${new URL(entry.originalSource, file).pathname}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  });
}

/** The map beside a file of the bundle; what has none, or one that cannot be read, is shown as it is. */
function mapBeside(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${fileURLToPath(file)}.map`, "utf8")));
  } catch {
    return undefined;
  }
}

/** From now on `stack` of every error tells of the sources. */
export function showSourcesInStacks(): void {
  const maps = new Map<string, SourceMap | undefined>();
  const find: Find = (file) => {
    if (!maps.has(file)) maps.set(file, mapBeside(file));
    return maps.get(file);
  };
  Error.prepareStackTrace = (error, frames) => [String(error), ...frames.map((frame) => `    at ${sourceFrame(String(frame), find)}`)].join("\n");
}
