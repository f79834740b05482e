/** Field selectors (`metadata.name=a,spec.nodeName!=b`), compiled to predicates (k8s.io/apimachinery/pkg/fields). */

/** Thrown for a selector that is not valid; the message is upstream's. */
export class FieldSelectorError extends Error {}

export interface FieldRequirement {
  readonly field: string;
  readonly operator: "=" | "!=";
  readonly value: string;
}
export type Fields = { readonly [field: string]: string | undefined };

export class FieldSelector {
  readonly requirements: readonly FieldRequirement[];
  constructor(requirements: readonly FieldRequirement[]) {
    this.requirements = requirements;
  }
  get empty(): boolean {
    return this.requirements.length === 0;
  }
  /** A field that is absent counts as "". */
  matches(fields: Fields): boolean {
    for (const { field, operator, value } of this.requirements) if (((fields[field] ?? "") === value) !== (operator === "=")) return false;
    return true;
  }
  /** The value that the field must have, if the selector says so. */
  exactMatch(field: string): string | undefined {
    return this.requirements.find((r) => r.field === field && r.operator === "=")?.value;
  }
  toString(): string {
    return this.requirements.map((r) => `${r.field}${r.operator}${r.value.replace(/[\\,=]/g, "\\$&")}`).join(",");
  }
}

export const everyField = new FieldSelector([]);

function unescapeValue(text: string): string {
  if (!/[\\,=]/.test(text)) return text;
  let out = "";
  let escaped = false;
  for (const char of text) {
    if (escaped) {
      if (char !== "\\" && char !== "," && char !== "=") throw new FieldSelectorError(`invalid field selector: invalid escape sequence: \\${char}`);
      out += char;
      escaped = false;
    } else if (char === "\\") escaped = true;
    else if (char === "," || char === "=")
      // Upstream prints the code point as a number.
      throw new FieldSelectorError(`invalid field selector: unescaped character in value: ${char.codePointAt(0)}`);
    else out += char;
  }
  if (escaped) throw new FieldSelectorError("invalid field selector: invalid escape sequence: \\");
  return out;
}

/**
 * The `fieldSelector` query parameter. Throws FieldSelectorError with upstream's text. Which fields exist is the
 * resource's business: `known` throws for a field that it does not have.
 */
export function parseFieldSelector(text: string, known: (field: string) => void = () => {}): FieldSelector {
  if (text === "") return everyField;
  const terms = text.match(/(?:\\.|[^\\,]|\\$)+/gs) ?? [];
  const requirements: FieldRequirement[] = [];
  for (const term of terms.sort()) {
    const match = /!=|==|=/.exec(term);
    if (!match) throw new FieldSelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
    const field = term.slice(0, match.index);
    requirements.push({ field, operator: match[0] === "!=" ? "!=" : "=", value: unescapeValue(term.slice(match.index + match[0].length)) });
  }
  for (const { field, value } of requirements) if (field !== "" || value !== "") known(field);
  return requirements.length ? new FieldSelector(requirements.filter((r) => r.field !== "" || r.value !== "")) : everyField;
}
