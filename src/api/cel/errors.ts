/** What is wrong with an expression, told as cel-go tells it: line, column, and the line with a mark under it. */

const maxSnippet = 16_384;
const maxShown = 100;

/** The offset of what is not there. */
export const nowhere = -2;

export interface Issue {
  readonly message: string;
  /** Zero-based offset in the source, in UTF-16 units; negative: of the whole. */
  readonly offset: number;
}

/** The expression cannot be used. The message holds all that is wrong. */
export class CELCompileError extends Error {
  readonly issues: readonly Issue[];
  constructor(source: string, issues: readonly Issue[]) {
    const ordered = issues.slice(0, maxShown).sort((a, b) => a.offset - b.offset);
    const more = issues.length > maxShown ? [`${issues.length - maxShown} more errors were truncated`] : [];
    super([...ordered.map((issue) => display(source, issue)), ...more].join("\n"));
    this.issues = ordered;
  }
}

function display(source: string, { message, offset }: Issue): string {
  if (offset === nowhere) {
    const snippet = (source.split("\n", 1)[0] as string).replaceAll("\t", " ");
    return `ERROR: <input>:1:0: ${message}${snippet.length > maxSnippet ? "" : `\n | ${snippet}\n | ^`}`;
  }
  if (offset < 0) return `ERROR: <input>:-1:0: ${message}`;
  if (source === "") return `ERROR: <input>:1:0: ${message}`;
  const before = source.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  const line = before.split("\n").length;
  const column = [...before.slice(lineStart)];
  const head = `ERROR: <input>:${line}:${column.length + 1}: ${message}`;
  const end = source.indexOf("\n", lineStart);
  const snippet = source.slice(lineStart, end < 0 ? source.length : end).replaceAll("\t", " ");
  if (snippet.length > maxSnippet) return head;
  const wide = (character: string): boolean => (character.codePointAt(0) as number) >= 0x80;
  const at = source.codePointAt(offset);
  const mark = column.map((character) => (wide(character) ? "\uff0e" : ".")).join("") + (at !== undefined && at >= 0x80 ? "\uff3e" : "^");
  return `${head}\n | ${snippet}\n | ${mark}`;
}
