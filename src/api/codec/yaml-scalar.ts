/** How go-yaml v2 reads a plain scalar: YAML 1.1 without base 60, and times stay text. */

export type YAMLScalar = string | number | bigint | boolean | null;

const words = new Map<string, YAMLScalar>();
const name = (value: YAMLScalar, ...texts: string[]): void => {
  for (const text of texts) words.set(text, value);
};
name(true, "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON");
name(false, "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF");
name(null, "", "~", "null", "Null", "NULL");
name(Number.NaN, ".nan", ".NaN", ".NAN");
name(Number.POSITIVE_INFINITY, ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF");
name(Number.NEGATIVE_INFINITY, "-.inf", "-.Inf", "-.INF");

const mayBeWord = /^$|^[-+.yYnNtTfFoO~]/;
const float = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const timestamp =
  /^[0-9]{4}-(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12][0-9]|3[01])(?:[Tt ](?:[01]?[0-9]|2[0-3]):[0-5]?[0-9]:[0-5]?[0-9](?:\.[0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})?)?$/;

/** What a plain scalar without a tag is. */
export function resolvePlain(text: string): YAMLScalar {
  if (mayBeWord.test(text)) {
    const word = words.get(text);
    if (word !== undefined) return word;
  }
  const first = text.charCodeAt(0);
  if (first === 0x2e) return float.test(text) ? Number(text) : text;
  if (first !== 0x2b && first !== 0x2d && !(first >= 0x30 && first <= 0x39)) return text;
  const plain = text.replaceAll("_", "");
  const integer = parseInteger(plain);
  if (integer !== undefined) return integer;
  return float.test(plain) ? Number(plain) : text;
}

/** True where go-yaml would not read the text as a string: written plain it would change its type. */
export const isAmbiguous = (text: string): boolean => typeof resolvePlain(text) !== "string" || timestamp.test(text);

/** Go's strconv.ParseInt with base 0, else ParseUint; undefined for what is neither. */
function parseInteger(text: string): number | bigint | undefined {
  const match = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/.exec(text);
  if (!match) return undefined;
  const [, sign, hex, binary, octal, decimal] = match;
  const size = BigInt(hex ? `0x${hex}` : binary ? `0b${binary}` : octal ? `0o${octal}` : (decimal as string));
  const value = sign === "-" ? -size : size;
  const signed = BigInt.asIntN(64, value) === value;
  if (!signed && (sign !== "" || BigInt.asUintN(64, value) !== value)) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
