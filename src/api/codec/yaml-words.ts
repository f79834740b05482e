/** What go-yaml v2 says of text that it cannot read, told from where the parser stopped (its scannerc.go, parserc.go and decode.go). */
import type { YAMLException } from "js-yaml";
import { table } from "../../base/table.ts";

const noToken = "found character that cannot start any token";
const noContent = "did not find expected node content";
const noKey = "did not find expected key";
const cutShort = "found unexpected end of stream";

/** Of the scanner, where the other parser has words of its own. */
const scanned = table<string>({
  "unexpected end of the stream within a double quoted scalar": cutShort,
  "unexpected end of the stream within a single quoted scalar": cutShort,
  "unexpected end of the stream within a verbatim tag": "did not find the expected '>'",
  "unknown escape sequence": "found unknown escape character",
  "expected hexadecimal character": "did not find expected hexdecimal number",
  "tab characters must not be used in indentation": noToken,
  "expected ':' after a mapping key": "could not find expected ':'",
  "can not read a block mapping entry; a multiline key may not be an implicit key": "could not find expected ':'",
});

/** The scanner counts lines from one, the parser from none; neither names the first. */
const byScanner = (line: number, problem: string): string => `${line ? `line ${line + 1}: ` : ""}${problem}`;
const byParser = (line: number, problem: string): string => `${line ? `line ${line}: ` : ""}${problem}`;

/** The line behind the last, counted from none. */
const lineOfEnd = (source: string): number => source.split("\n").length - (source.endsWith("\n") ? 1 : 0);

/** The bracket that is open at the end, as far as brackets tell. */
function openBracket(source: string): string {
  const open: string[] = [];
  for (const [token] of source.matchAll(/(?<=[\s,:[{])"(?:[^"\\]|\\.)*"|(?<=[\s,:[{])'[^']*'|[[\]{}]/gs)) {
    if (token === "[" || token === "{") open.push(token);
    else if (token === "]" || token === "}") open.pop();
  }
  return open.at(-1) ?? "{";
}

const noComma = (source: string): string => `did not find expected ',' or '${openBracket(source) === "[" ? "]" : "}"}'`;

function cutFlow(source: string): string {
  const ended = lineOfEnd(source);
  return byParser(ended, /[[{,:]\s*$/.test(source) ? noContent : noComma(source));
}

/** At something that no block can go on with. */
function astray(source: string, at: number, line: number): string {
  const next = source[at] ?? "";
  const starts = /(^|[:\-?,[{]\s)\s*$/m.test(source.slice(0, at));
  if (next === ":") return byScanner(line, "mapping values are not allowed in this context");
  if (starts && next !== "" && "@`%\t".includes(next)) return byScanner(line, noToken);
  // At the beginning of a line one may stand: it is the mapping around it that cannot go on.
  if (starts && next === "-" && !/^[^\S\n]*$/.test(source.slice(source.lastIndexOf("\n", at - 1) + 1, at)))
    return byScanner(line, "block sequence entries are not allowed in this context");
  if (starts && next !== "" && "}],".includes(next)) return byParser(line, noContent);
  return byParser(line, noKey);
}

/** With the line where go-yaml names one. */
export function goWords({ reason, mark }: YAMLException, source: string): string {
  const line = mark?.line ?? 0;
  const at = mark?.position ?? 0;
  if (reason.endsWith("scalar") && scanned[reason]) return byScanner(lineOfEnd(source) - 1, cutShort);
  if (scanned[reason]) return byScanner(/^\s*$/.test(source.slice(at)) && reason.includes("key") ? lineOfEnd(source) : line, scanned[reason]);
  switch (reason) {
    case "unexpected end of the stream within a flow collection":
      return cutFlow(source);
    case "missed comma between flow collection entries":
      return byParser(line, noComma(source.slice(0, at)));
    case "bad indentation of a mapping entry":
    case "bad indentation of a sequence entry":
      return astray(source, at, line);
    case "end of the stream or a document separator is expected":
      if (/\t/.test(source.slice(source.lastIndexOf("\n", at - 1) + 1, at + 1))) return byScanner(line, noToken);
      return byParser(line, /^(?:\s*(?:#.*)?\n)*\s*- /.test(source) ? "did not find expected '-' indicator" : noKey);
    case "unacceptable YAML version of the document":
      return "found incompatible YAML document";
    default:
      return byScanner(line, reason);
  }
}
