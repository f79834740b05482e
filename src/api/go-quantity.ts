/** The inside of Go's resource.Quantity after it was parsed from canonical text (k8s.io/apimachinery/pkg/api/resource.ParseQuantity). */
import { parseQuantity } from "./quantity.ts";

const suffixes = new Map<string, { base: number; exponent: number }>([
  ...["n", "u", "m", "", "k", "M", "G", "T", "P", "E"].map((name, i) => [name, { base: 10, exponent: 3 * i - 9 }] as const),
  ...["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].map((name, i) => [name, { base: 2, exponent: 10 * i + 10 }] as const),
]);
/** Digits that are sure to fit in 64 bits. */
const maxDigits = 18;
const maxInt64 = 2n ** 63n - 1n;
const wordBits = 64n;

const printed = (value: bigint, scale: number, decimal: string, text: string, format: string): string =>
  `{i:(resource.int64Amount){value:(int64)${value} scale:(resource.Scale)${scale}} d:(resource.infDecAmount){Dec:${decimal}} s:(string)${text} Format:(resource.Format)${format}}`;
const noDecimal = "(*inf.Dec)<nil>";

/** As spew prints it. `text` is canonical: an integer with a suffix or an exponent. */
export function goQuantity(text: string): string {
  if (text === "") return printed(0n, 0, noDecimal, "", "");
  if (text === "0") return printed(0n, 0, noDecimal, "0", "DecimalSI");
  const [, sign = "", digits = "", suffix = ""] = /^(-?)(\d+)(.*)$/.exec(text) ?? [];
  const { base, exponent } = suffixes.get(suffix) ?? { base: 10, exponent: Number(suffix.slice(1)) };
  const format = base === 2 ? "BinarySI" : suffixes.has(suffix) ? "DecimalSI" : "DecimalExponent";
  const number = BigInt(digits);
  const negative = sign === "-";
  const precision = base === 2 ? 15 - digits.length - Math.trunc((exponent * 3) / 10) - 1 : maxDigits - digits.length;
  const scale = base === 2 ? 0 : exponent;
  if (precision >= 0 && scale >= -9) {
    const value = base === 2 ? number << BigInt(exponent) : number;
    const kept = base === 2 ? (number & 7n) !== 0n : scale % 3 === 0 && !digits.endsWith("000");
    return printed(negative ? -value : value, scale, noDecimal, kept ? text : "", format);
  }
  const exact = parseQuantity(text);
  const magnitude = exact.mantissa < 0n ? -exact.mantissa : exact.mantissa;
  const shift = exact.scale + 9;
  const nano = shift >= 0 ? magnitude * 10n ** BigInt(shift) : (magnitude + 10n ** BigInt(-shift) - 1n) / 10n ** BigInt(-shift);
  const capped = format === "BinarySI" && nano > maxInt64 * 10n ** 9n;
  return printed(0n, 0, decimal(negative, capped ? maxInt64 : nano, capped ? 0 : 9), "", format);
}

function decimal(negative: boolean, unscaled: bigint, scale: number): string {
  const words: bigint[] = [];
  for (let rest = unscaled; rest > 0n; rest >>= wordBits) words.push(BigInt.asUintN(64, rest));
  return `(*inf.Dec){unscaled:(big.Int){neg:(bool)${negative} abs:(big.nat)[${words.join(" ")}]} scale:(inf.Scale)${scale}}`;
}
