/** The inside of Go's resource.Quantity after it was parsed from canonical text (k8s.io/apimachinery/pkg/api/resource.ParseQuantity). */
import { parseQuantity } from "./quantity.ts";

const wordBits = 64n;

const printed = (value: bigint, scale: number, decimal: string, text: string, format: string): string =>
  `{i:(resource.int64Amount){value:(int64)${value} scale:(resource.Scale)${scale}} d:(resource.infDecAmount){Dec:${decimal}} s:(string)${text} Format:(resource.Format)${format}}`;

/** As spew prints it. */
export function goQuantity(text: string): string {
  if (text === "") return printed(0n, 0, "(*inf.Dec)<nil>", "", "");
  const { mantissa, scale, format, written = "", long } = parseQuantity(text);
  return long ? printed(0n, 0, decimal(mantissa, -scale), written, format) : printed(mantissa, scale, "(*inf.Dec)<nil>", written, format);
}

function decimal(unscaled: bigint, scale: number): string {
  const words: bigint[] = [];
  for (let rest = unscaled < 0n ? -unscaled : unscaled; rest > 0n; rest >>= wordBits) words.push(BigInt.asUintN(64, rest));
  return `(*inf.Dec){unscaled:(big.Int){neg:(bool)${unscaled < 0n} abs:(big.nat)[${words.join(" ")}]} scale:(inf.Scale)${scale}}`;
}
