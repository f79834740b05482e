/** A stage file's documents with the line of each field, so that every complaint can name line, field and remedy. */
import { isMap } from "../api/json.ts";
import { type Event, EVENT_ID, getScalarValue, parseEvents, SCALAR_STYLE } from "js-yaml";
import { DecodeError } from "../api/codec/decode-error.ts";
import { parseYAMLDocuments } from "../api/codec/yaml.ts";
import { hint } from "./nearest.ts";

/** What is wrong in a stage file: every line is `FILE:LINE: FIELD: what; what would be right`. */
export class StageFileError extends Error {
  override name = "StageFileError";
}

/** One field, or item, of a document. */
export class Located {
  readonly value: unknown;
  readonly path: string;
  readonly #document: Document;

  constructor(value: unknown, path: string, document: Document) {
    this.value = value;
    this.path = path;
    this.#document = document;
  }
  get line(): number {
    return this.#document.lines.get(this.path) ?? this.#document.firstLine;
  }
  /** For what is found wrong after the file has been read. */
  get place(): string {
    return `${this.#document.file}:${this.line}: ${this.path || "the document"}`;
  }
  /** Line where the text of a scalar begins: for a block (`|`), the line after its key. */
  get textLine(): number {
    return this.#document.blocks.has(this.path) ? this.line + 1 : this.line;
  }
  /** Notes a problem; reading goes on, so that all are found at once. */
  problem(message: string, line = this.line): void {
    this.#document.problems.push(`${this.#document.file}:${line}: ${this.path || "the document"}: ${message}`);
  }

  /** A field of a mapping; undefined where it is absent or null. */
  field(name: string): Located | undefined {
    const value = isMap(this.value) ? this.value[name] : undefined;
    return value === undefined || value === null ? undefined : new Located(value, this.path ? `${this.path}.${name}` : name, this.#document);
  }
  items(): Located[] {
    return Array.isArray(this.value) ? this.value.map((value, i) => new Located(value, `${this.path}[${i}]`, this.#document)) : [];
  }
  /** Refuses fields that are not named, and what is no mapping. */
  only(...names: string[]): this {
    if (!isMap(this.value)) {
      this.problem(`must be a mapping with ${names.join(", ")}`);
      return this;
    }
    for (const name of Object.keys(this.value)) {
      if (names.includes(name)) continue;
      new Located(null, this.path ? `${this.path}.${name}` : name, this.#document).problem(`is not a field of a Stage here${hint(name, names)}`);
    }
    return this;
  }

  string(name: string): string | undefined {
    return this.#typed(name, (v): v is string => typeof v === "string", "must be a string; write it in quotes");
  }
  boolean(name: string): boolean | undefined {
    return this.#typed(name, (v): v is boolean => typeof v === "boolean", "must be true or false");
  }
  /** A whole number from 0. */
  count(name: string): number | undefined {
    return this.#typed(name, (v): v is number => Number.isSafeInteger(v) && (v as number) >= 0, "must be a whole number from 0");
  }
  strings(name: string): string[] | undefined {
    return this.#typed(
      name,
      (v): v is string[] => Array.isArray(v) && v.every((s) => typeof s === "string"),
      "must be a list of strings; write each in quotes",
    );
  }
  stringMap(name: string): Record<string, string> | undefined {
    return this.#typed(
      name,
      (v): v is Record<string, string> => isMap(v) && Object.values(v).every((s) => typeof s === "string"),
      "must map strings to strings; write the values in quotes",
    );
  }
  oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined {
    return this.#typed(name, (v): v is T => allowed.includes(v as T), `must be one of ${allowed.join(", ")}`);
  }
  #typed<T>(name: string, is: (value: unknown) => value is T, complaint: string): T | undefined {
    const found = this.field(name);
    if (!found) return undefined;
    if (is(found.value)) return found.value;
    found.problem(`${complaint}; it is ${JSON.stringify(found.value)}`);
    return undefined;
  }
}

interface Document {
  file: string;
  firstLine: number;
  lines: Map<string, number>;
  blocks: Set<string>;
  problems: string[];
}

export interface SourceDocuments {
  documents: Located[];
  /** Filled while the documents are read. */
  problems: string[];
}

/** Throws StageFileError for text that is not YAML. */
export function readDocuments(source: string, file: string): SourceDocuments {
  const problems: string[] = [];
  try {
    const values = parseYAMLDocuments(source);
    const places = placesOf(source);
    const documents = values.flatMap(({ value, duplicates }, i) => {
      const document: Document = { file, problems, ...(places[i] as Places) };
      for (const duplicate of duplicates) problems.push(`${file}: ${duplicate.replace(/^yaml: unmarshal errors:\s*/, "")}; keep one of them`);
      return value === null ? [] : [new Located(value, "", document)];
    });
    return { documents, problems };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const line = /line (\d+): (.*)/.exec(error.message);
    throw new StageFileError(line ? `${file}:${line[1]}: not YAML: ${line[2]}` : `${file}: not YAML: ${error.message}`);
  }
}

interface Places {
  firstLine: number;
  lines: Map<string, number>;
  blocks: Set<string>;
}

/** Lines of every field of every document; aliases and merged keys have the line of their mapping. */
function placesOf(source: string): Places[] {
  const events = parseEvents(source, { maxDepth: 1000 });
  const starts = [0];
  for (let at = source.indexOf("\n"); at >= 0; at = source.indexOf("\n", at + 1)) starts.push(at + 1);
  const lineOf = (offset: number): number => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
  let at = 0;
  const node = (path: string, places: Places): void => {
    const event = events[at++] as Event;
    if (event.type === EVENT_ID.SCALAR && (event.style === SCALAR_STYLE.LITERAL_BLOCK || event.style === SCALAR_STYLE.FOLDED_BLOCK)) places.blocks.add(path);
    if (event.type !== EVENT_ID.SEQUENCE && event.type !== EVENT_ID.MAPPING) return;
    if (path === "") places.firstLine = lineOf(event.start);
    for (let i = 0; events[at]?.type !== EVENT_ID.POP; i++) {
      const item = events[at] as Event;
      const offset = item.type === EVENT_ID.SCALAR ? item.valueStart : "start" in item ? item.start : undefined;
      if (event.type === EVENT_ID.SEQUENCE) {
        if (offset !== undefined) places.lines.set(`${path}[${i}]`, lineOf(offset));
        node(`${path}[${i}]`, places);
        continue;
      }
      at++;
      const name = item.type === EVENT_ID.SCALAR ? getScalarValue(source, item) : "";
      const child = path ? `${path}.${name}` : name;
      if (offset !== undefined) places.lines.set(child, lineOf(offset));
      node(child, places);
    }
    at++;
  };
  const found: Places[] = [];
  while (at < events.length) {
    const places: Places = { firstLine: 1, lines: new Map(), blocks: new Set() };
    at++;
    if (events[at]?.type !== EVENT_ID.POP) node("", places);
    at++;
    found.push(places);
  }
  return found;
}
