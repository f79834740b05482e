/** Values that are a number or text such as a percentage or a port's name (k8s.io/apimachinery/pkg/util/intstr). */
import { goQuote } from "./go-quote.ts";

export type IntOrString = number | string;

/** Go's strconv.Atoi error texts for what is not a 64-bit integer; undefined for what is. */
function atoiError(text: string): string | undefined {
  const quoted = goQuote(text);
  if (!/^[+-]?[0-9]+$/.test(text)) return `strconv.Atoi: parsing ${quoted}: invalid syntax`;
  const value = BigInt(text.replace("+", ""));
  return BigInt.asIntN(64, value) === value ? undefined : `strconv.Atoi: parsing ${quoted}: value out of range`;
}

/**
 * The number itself, or the percentage of `total`, rounded up or down. Throws with upstream's text for text that is not
 * a percentage.
 */
export function scaledValue(value: IntOrString | undefined, total: number, roundUp: boolean): number {
  if (value === undefined || value === null) throw new Error("nil value for IntOrString");
  if (typeof value === "number") return value;
  if (!value.endsWith("%")) throw new Error("invalid value for IntOrString: invalid type: string is not a percentage");
  const text = value.slice(0, -1);
  const wrong = atoiError(text);
  if (wrong) throw new Error(`invalid value for IntOrString: invalid value ${goQuote(value)}: ${wrong}`);
  const share = (Number(text) * total) / 100;
  return roundUp ? Math.ceil(share) : Math.floor(share);
}

/** The number, or the number that the text spells, or 0. */
export function intValue(value: IntOrString): number {
  if (typeof value === "number") return value;
  return atoiError(value) ? 0 : Number(value);
}
