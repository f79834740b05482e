/** Formats of strings that schemas may demand (k8s.io/kube-openapi/pkg/validation/strfmt, apiextensions-apiserver/pkg/apiserver/validation/formats.go). */
import { parseRequestURI, URLError } from "../cel/library/go-url.ts";
import { matches } from "../cel/regex.ts";
import { parseCIDR, parseIP } from "../ip.ts";
import type { Schema } from "./schema.ts";
import { table } from "../../base/table.ts";

function isURI(text: string): boolean {
  try {
    parseRequestURI(text);
    return true;
  } catch (error) {
    if (error instanceof URLError) return false;
    throw error;
  }
}

const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\x{80}-\\x{10ffff}-]+";
const dotAtom = `${atom}(?:\\.${atom})*`;
const quoted = '"(?:[^"\\\\\\x00-\\x1f]|\\\\[^\\x00-\\x1f])*"';
const address = `(?:${dotAtom}|${quoted})@(?:${dotAtom}|\\[[^\\[\\]\\\\]*\\])`;
/** RFC 5322, as Go's net/mail reads a single address: with or without a name before it. Only a matcher that never goes back may read it. */
const mail = `^\\s*(?:${address}|(?:(?:${atom}|${quoted}|\\.)\\s*)*<${address}>)\\s*$`;

const matching =
  (pattern: RegExp) =>
  (text: string): boolean =>
    pattern.test(text);

const hostname =
  /^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9\-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$/u;
/** The pattern repeats within a repetition: what is longer than any name can be is not shown to it. */
const isHostname = (text: string): boolean =>
  Buffer.byteLength(text) <= 255 && text.split(".").every((part) => Buffer.byteLength(part) <= 63) && hostname.test(text);

const creditCard =
  /^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})$/;
function isCreditCard(text: string): boolean {
  const digits = text.replace(/[^0-9]+/g, "");
  if (!creditCard.test(digits)) return false;
  let sum = 0;
  for (let i = digits.length - 1, twice = false; i >= 0; i--, twice = !twice) {
    const digit = Number(digits[i]) * (twice ? 2 : 1);
    sum += digit >= 10 ? (digit % 10) + 1 : digit;
  }
  return sum % 10 === 0;
}

const isbnText = (text: string): string => text.replace(/[\s-]+/g, "");
function isISBN10(text: string): boolean {
  const digits = isbnText(text);
  if (!/^(?:[0-9]{9}X|[0-9]{10})$/.test(digits)) return false;
  const sum = [...digits].reduce((all, digit, i) => all + (i + 1) * (digit === "X" ? 10 : Number(digit)), 0);
  return sum % 11 === 0;
}
function isISBN13(text: string): boolean {
  const digits = isbnText(text);
  if (!/^[0-9]{13}$/.test(digits)) return false;
  const sum = [...digits.slice(0, 12)].reduce((all, digit, i) => all + (i % 2 ? 3 : 1) * Number(digit), 0);
  return Number(digits[12]) === (10 - (sum % 10)) % 10;
}

const daysIn = (year: number, month: number): number =>
  month === 2 ? (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
export function isDate(text: string): boolean {
  const parts = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  if (!parts) return false;
  const [year, month, day] = parts.slice(1).map(Number) as [number, number, number];
  return month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month);
}
function isDateTime(text: string): boolean {
  const [date = "", time] = text.toLowerCase().split("t");
  const parts = /^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$/.exec(time ?? "");
  return isDate(date) && parts !== null && (parts[1] as string) <= "23" && (parts[2] as string) <= "59" && (parts[3] as string) <= "59";
}

const goDuration = /^[-+]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
const scalaUnits =
  /^(?:ns|nano|nanosecond|nanos|us|µs|micro|microsecond|micros|ms|milli|millisecond|millis|s|sec|second|seconds|m|min|minute|h|hr|hour|d|day|w|wk|week)/i;
/** Numbers and what stands behind them. Each run of digits is looked at once. */
export function* durationParts(text: string): Generator<{ number: string; unit: string }> {
  for (const [, number = "", unit = ""] of text.matchAll(/(?<!\d)(\d+)\s*([A-Za-zµ]+)/g)) yield { number, unit };
}
function isDuration(text: string): boolean {
  if (goDuration.test(text)) return true;
  for (const { unit } of durationParts(text)) if (scalaUnits.test(unit)) return true;
  return false;
}

const mac =
  /^(?:[0-9a-f]{2}(?<s>[:-])(?:[0-9a-f]{2}\k<s>){4}[0-9a-f]{2}|[0-9a-f]{2}(?<t>[:-])(?:[0-9a-f]{2}\k<t>){6}[0-9a-f]{2}|[0-9a-f]{2}(?<u>[:-])(?:[0-9a-f]{2}\k<u>){18}[0-9a-f]{2}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){3}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){9})$/i;
const byte = "(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])";
const label = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";
const longName = new RegExp(`^${label}(?:\\.${label})*$`);

const known = table<(text: string) => boolean>({
  bsonobjectid: matching(/^[0-9a-fA-F]{24}$/),
  uri: isURI,
  email: (text) => text.length <= 1000 && matches(text, mail) === true,
  hostname: isHostname,
  ipv4: (text) => text.includes(".") && parseIP(text) !== undefined,
  ipv6: (text) => text.includes(":") && parseIP(text)?.leadingZeros === false,
  cidr: (text) => parseCIDR(text) !== undefined,
  mac: matching(mac),
  uuid: matching(/^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i),
  uuid3: matching(/^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i),
  uuid4: matching(/^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i),
  uuid5: matching(/^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i),
  isbn: (text) => isISBN10(text) || isISBN13(text),
  isbn10: isISBN10,
  isbn13: isISBN13,
  creditcard: isCreditCard,
  ssn: (text) => text.length === 11 && /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(text),
  hexcolor: matching(/^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/),
  rgbcolor: matching(new RegExp(`^rgb\\(\\s*${byte}\\s*,\\s*${byte}\\s*,\\s*${byte}\\s*\\)$`)),
  byte: matching(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/),
  password: () => true,
  date: isDate,
  duration: isDuration,
  datetime: isDateTime,
  k8sshortname: (text) => text.length <= 63 && new RegExp(`^${label}$`).test(text),
  k8slongname: (text) => text.length <= 253 && longName.test(text),
});

/** How a string of the format is checked; undefined: the format is not one that is. Dashes do not count. */
export function formatOf(name: string | undefined): ((text: string) => boolean) | undefined {
  const plain = name?.replaceAll("-", "") ?? "";
  return known[plain];
}

/** Formats that the schema's type does not have are passed over, and warned of. */
export function isRecognizedFormat({ type = "", format = "" }: Schema): boolean {
  switch (type) {
    case "":
    case "string":
      return formatOf(format) !== undefined;
    case "integer":
      return format === "int32" || format === "int64";
    case "number":
      return format === "float" || format === "double";
  }
  return false;
}
