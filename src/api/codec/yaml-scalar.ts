/** How go-yaml v2 reads a plain scalar: YAML 1.1 without base 60, and times stay text (resolve.go). */
import { goFloat } from "../go-float.ts";
import { DecodeError } from "./decode-error.ts";

/** A number that is no integer, even where it has no fraction. */
export class YAMLFloat {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}
export type YAMLScalar = string | number | bigint | boolean | null | YAMLFloat;
interface Resolved {
  tag: "!!str" | "!!int" | "!!float" | "!!bool" | "!!null" | "!!timestamp";
  value: YAMLScalar;
}

const words = new Map<string, Resolved>();
const name = (tag: Resolved["tag"], value: YAMLScalar, ...texts: string[]): void => {
  for (const text of texts) words.set(text, { tag, value });
};
name("!!bool", true, "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON");
name("!!bool", false, "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF");
name("!!null", null, "", "~", "null", "Null", "NULL");
name("!!float", new YAMLFloat(Number.NaN), ".nan", ".NaN", ".NAN");
name("!!float", new YAMLFloat(Number.POSITIVE_INFINITY), ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF");
name("!!float", new YAMLFloat(Number.NEGATIVE_INFINITY), "-.inf", "-.Inf", "-.INF");

const mayBeWord = /^$|^[-+.yYnNtTfFoO~]/;
const float = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const timestamp =
  /^[0-9]{4}-(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12][0-9]|3[01])(?:[Tt ](?:[01]?[0-9]|2[0-3]):[0-5]?[0-9]:[0-5]?[0-9](?:\.[0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})?)?$/;

const string = (value: string): Resolved => ({ tag: "!!str", value });
const floatOf = (text: string): Resolved | undefined => {
  if (!float.test(text)) return undefined;
  const value = Number(text);
  // What is too large is none.
  return Number.isFinite(value) ? { tag: "!!float", value: new YAMLFloat(value) } : undefined;
};

/** What a plain scalar without a tag is. */
function resolvePlain(text: string): Resolved {
  if (mayBeWord.test(text)) {
    const word = words.get(text);
    if (word) return word;
  }
  const first = text.charCodeAt(0);
  if (first === 0x2e) return floatOf(text) ?? string(text);
  if (first !== 0x2b && first !== 0x2d && !(first >= 0x30 && first <= 0x39)) return string(text);
  const plain = text.replaceAll("_", "");
  const integer = parseInteger(plain);
  return integer === undefined ? (floatOf(plain) ?? string(text)) : { tag: "!!int", value: integer };
}

/** True where go-yaml would not read the text as a string: written plain it would change its type. */
export const isAmbiguous = (text: string): boolean => resolvePlain(text).tag !== "!!str" || timestamp.test(text);

const longPrefix = "tag:yaml.org,2002:";
const resolvable = new Set(["!!str", "!!bool", "!!int", "!!float", "!!null", "!!timestamp"]);
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Of a scalar: `implicit` says that its text alone may decide. Throws DecodeError where the tag, in its long form, says otherwise. */
export function resolveScalar(text: string, longTag: string, implicit: boolean): YAMLScalar {
  if (longTag === "") return implicit ? resolvePlain(text).value : text;
  const tag = longTag.startsWith(longPrefix) ? `!!${longTag.slice(longPrefix.length)}` : longTag;
  if (tag === "!!binary") {
    const plain = text.replace(/[\r\n]/g, "");
    if (!base64.test(plain)) throw new DecodeError("yaml: !!binary value contains invalid base64 data", true);
    return Buffer.from(plain, "base64").toString("utf8");
  }
  if (!resolvable.has(tag) || tag === "!!str") return text;
  const found: Resolved = tag === "!!timestamp" && timestamp.test(text) ? { tag, value: text } : resolvePlain(text);
  if (found.tag === tag) return found.value;
  if (tag === "!!float" && found.tag === "!!int") return new YAMLFloat(Number(found.value));
  throw new DecodeError(`yaml: cannot decode ${found.tag} \`${text}\` as a ${tag}`, true);
}

/** As go-yaml writes it where it is a key: in 32 bits. */
export function keyOfFloat({ value }: YAMLFloat): string {
  if (Number.isNaN(value)) return ".nan";
  const narrow = Math.fround(value);
  if (!Number.isFinite(narrow)) return narrow > 0 ? ".inf" : "-.inf";
  for (let digits = 1; digits <= 9; digits++) {
    const shorter = Number(narrow.toPrecision(digits));
    if (Math.fround(shorter) === narrow) return goFloat(shorter);
  }
  return goFloat(narrow);
}

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
