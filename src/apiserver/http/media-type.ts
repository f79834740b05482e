/** The value of Content-Type, as Go's mime.ParseMediaType reads it. */
const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const parameter = `\\s*;\\s*(${token})\\s*=\\s*(${token}|"(?:[^"\\\\\\r\\n]|\\\\.)*")`;
const type = new RegExp(`^\\s*(${token}(?:/${token})?)\\s*$`);
const parameters = new RegExp(`^(?:${parameter})*\\s*;?\\s*$`);
const each = new RegExp(parameter, "g");

/** Type and subtype in small letters, without parameters; undefined where any of it is malformed or a parameter has two values. */
export function mediaTypeOf(header: string): string | undefined {
  const end = header.indexOf(";");
  const found = type.exec(end < 0 ? header : header.slice(0, end))?.[1]?.toLowerCase();
  if (found === undefined || end < 0) return found;
  const rest = header.slice(end);
  if (!parameters.test(rest)) return undefined;
  const values = new Map<string, string>();
  for (const [, name = "", value = ""] of rest.matchAll(each)) {
    const key = name.toLowerCase();
    if ((values.get(key) ?? value) !== value) return undefined;
    values.set(key, value);
  }
  return found;
}
