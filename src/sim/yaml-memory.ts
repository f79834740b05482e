/**
 * YAML that a template gave: the same text again and again but for what stands in double quotes (names, times, addresses).
 * A text is parsed once without those; later ones of its form are filled in. What quotes do not make a whole value
 * (in comments, block scalars, keys, under tags) is parsed anew each time.
 */
import { parseYAML } from "../api/codec/yaml.ts";
import type { JSONObject, JSONValue } from "../api/json.ts";

/** Quoted text in which nothing is escaped. */
const quoted = /"([ !#-[\]-~]*)"/g;
/** Stands for the quoted text of that number; no template writes a control character inside quotes. */
const mark = "\u0001";
const atMost = 64;

interface Form {
  /** Absent: texts of this form are parsed each by itself. */
  value?: JSONValue;
}

/** One for each template. */
export class YAMLMemory {
  readonly #forms = new Map<string, Form>();

  /** Throws DecodeError. */
  parse(text: string): JSONValue {
    const values: string[] = [];
    const outline = text.replace(quoted, (_, value: string) => `"\\x01${values.push(value) - 1}"`);
    let form = this.#forms.get(outline);
    // A template of which every text is another gains nothing.
    if (!form && this.#forms.size >= atMost) return parseYAML(text).value;
    if (!form) {
      form = formOf(outline, values.length);
      this.#forms.set(outline, form);
    }
    return form.value === undefined ? parseYAML(text).value : fill(form.value, values);
  }
}

function formOf(outline: string, count: number): Form {
  try {
    const { value, duplicates } = parseYAML(outline);
    return duplicates.length === 0 && marksOf(value) === count ? { value } : {};
  } catch {
    // What is wrong is said of the text itself.
    return {};
  }
}

const markOnly = new RegExp(`^${mark}\\d+$`);

/** How many values are a mark and nothing else; NaN where one is part of something. */
function marksOf(value: JSONValue): number {
  if (typeof value === "string") return markOnly.test(value) ? 1 : value.includes(mark) ? Number.NaN : 0;
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + marksOf(item), 0);
  if (typeof value !== "object" || value === null) return 0;
  return Object.entries(value).reduce((sum, [key, item]) => sum + (key.includes(mark) ? Number.NaN : marksOf(item as JSONValue)), 0);
}

function fill(value: JSONValue, values: readonly string[]): JSONValue {
  if (typeof value === "string") return value.startsWith(mark) ? (values[Number(value.slice(1))] as string) : value;
  if (Array.isArray(value)) return value.map((item) => fill(item, values));
  if (typeof value !== "object" || value === null) return value;
  const filled: JSONObject = Object.create(Object.getPrototypeOf(value) as object | null) as JSONObject;
  for (const key of Object.keys(value)) filled[key] = fill(value[key] as JSONValue, values);
  return filled;
}
