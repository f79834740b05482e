/** Whether a secret's value is a JSON object, with the error text of Go's encoding/json. */

const goTypes: Record<string, string> = { string: "string", number: "number", boolean: "bool" };

/** Undefined for an object (and for null, which Go takes for an empty map). */
export function goJsonError(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return syntaxError(text);
  }
  if (value === null || (typeof value === "object" && !Array.isArray(value))) return undefined;
  const type = Array.isArray(value) ? "array" : goTypes[typeof value];
  return `json: cannot unmarshal ${type} into Go value of type map[string]interface {}`;
}

const literals = ["true", "false", "null"];
const quote = (c: string): string => (c === "'" ? "'\\''" : c === '"' ? "'\"'" : `'${JSON.stringify(c).slice(1, -1)}'`);

/** Go's scanner stops at the first byte that cannot go on; this finds the same place for what is not JSON at all. */
function syntaxError(text: string): string {
  const trimmed = text.replace(/^[ \t\r\n]+/, "");
  if (!trimmed) return "unexpected end of JSON input";
  const first = [...trimmed][0]!;
  if (!/[[{"\-0-9tfn]/.test(first)) return `invalid character ${quote(first)} looking for beginning of value`;
  const literal = literals.find((l) => l[0] === first);
  if (literal) {
    for (let i = 1; i < literal.length; i++) {
      if (i >= trimmed.length) return "unexpected end of JSON input";
      if (trimmed[i] !== literal[i]) return `invalid character ${quote(trimmed[i]!)} in literal ${literal} (expecting ${quote(literal[i]!)})`;
    }
    return `invalid character ${quote(trimmed.slice(literal.length).trimStart()[0]!)} after top-level value`;
  }
  if (first === "{") {
    const next = trimmed.slice(1).trimStart();
    if (!next) return "unexpected end of JSON input";
    if (!/^["}]/.test(next)) return `invalid character ${quote([...next][0]!)} looking for beginning of object key string`;
  }
  return "unexpected end of JSON input";
}
