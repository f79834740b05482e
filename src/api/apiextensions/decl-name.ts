/** Names of properties as CEL can write them (k8s.io/apiserver/pkg/cel/escaping.go). */
import { table } from "../../base/table.ts";

const reserved = new Set("true false null in as break const continue else for function if import let loop package namespace return var void while".split(" "));
const signs = table<string>({ __: "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__" });
const words = table<string>({ underscores: "__", dot: ".", dash: "-", slash: "/" });

/** undefined: no expression can name it. */
export function escapeName(name: string): string | undefined {
  if (!/^[^0-9]/.test(name) || /[^a-zA-Z0-9_./-]/.test(name)) return undefined;
  if (reserved.has(name)) return `__${name}__`;
  return name.replace(/__|[-./]/g, (sign) => signs[sign] as string);
}

/** undefined: not a name that was escaped. */
export function unescapeName(escaped: string): string | undefined {
  if (!escaped.includes("__")) return escaped;
  let valid = true;
  const name = escaped.replace(/_{2}[^_]+_{2}/g, (sequence) => {
    const content = sequence.slice(2, -2);
    const word = words[content];
    if (word !== undefined) return word;
    if (!reserved.has(content) || sequence !== escaped) valid = false;
    return content;
  });
  return valid ? name : undefined;
}
