/**
 * Files of variables that one container writes and others read (KEP-3721, pkg/kubelet/util/env): lines of NAME='value', a value
 * in single quotes and taken as it is, over several lines too; comments and empty lines between them.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { withSafePath } from "../linux/safe-path.ts";

/** Bytes. Whoever writes the file is not to be trusted with the agent's memory. */
const largest = 1 << 20;

const wrong = (line: number, what: string): Error => new Error(`invalid environment variable format at line ${line}: ${what}`);

/** The value of the first `key`; empty where there is none. What stands behind it is not looked at. Throws with upstream's text. */
export function envFileValue(text: string, key: string): string {
  const lines = text.split("\n").map((line) => line.replace(/\r$/, ""));
  if (lines.at(-1) === "") lines.pop();
  for (let i = 0; i < lines.length; i++) {
    const number = i + 1;
    const line = (lines[i] as string).replace(/^[ \t]+/, "");
    if (line === "" || line.startsWith("#")) continue;
    const equals = line.indexOf("=");
    if (equals < 0) throw wrong(number, "missing '='");
    const name = line.slice(0, equals);
    if (name.trim() === "") throw wrong(number, "empty variable name");
    if (/[ \t]$/.test(name)) throw wrong(number, "whitespace before '=' is not allowed");
    let rest = line.slice(equals + 1);
    // As a shell has it: the value is empty, and what follows is something else.
    if (/^[ \t]/.test(rest)) {
      if (name === key) return "";
      continue;
    }
    if (!rest.startsWith("'")) throw wrong(number, "value must be enclosed in single quotes");
    rest = rest.slice(1);
    const parts: string[] = [];
    let end = rest.indexOf("'");
    while (end < 0) {
      parts.push(rest);
      const next = lines[++i];
      if (next === undefined) throw new Error(`invalid environment variable format starting at line ${number}: unclosed single quote`);
      rest = next;
      end = rest.indexOf("'");
    }
    parts.push(rest.slice(0, end));
    if (/^[ \t]*[^ \t#]/.test(rest.slice(end + 1))) throw wrong(i + 1, "unexpected content after closing quote");
    if (name === key) return parts.join("\n");
  }
  return "";
}

/** The same of a file below a volume's directory, out of which nothing leads. Throws for what is no file, and for one too large. */
export function readEnvFile(root: string, path: string, key: string): string {
  const text = withSafePath(root, path, (pinned) => {
    const descriptor = openSync(pinned, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const status = fstatSync(descriptor);
      if (!status.isFile()) throw new Error(`${path} is no file`);
      if (status.size > largest) throw new Error(`${path} is larger than ${largest} bytes`);
      return readFileSync(descriptor, "utf8");
    } finally {
      closeSync(descriptor);
    }
  });
  return envFileValue(text, key);
}
