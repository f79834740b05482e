/** Go's strconv.FormatFloat(value, 'g', -1, 64): the shortest digits that give the number back, and when an exponent is written. */
export function goFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  const [mantissa = "0", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 6) return Object.is(value, -0) ? "-0" : String(value);
  return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

/** Go's int64(value) on amd64: what 64 bits do not hold, NaN included, is the smallest there is. */
export const goInt64 = (value: number): bigint => (Math.abs(value) < 2 ** 63 ? BigInt(Math.trunc(value)) : -(2n ** 63n));

/** As Go's math.Pow10 multiplies it. */
export function goPow10(exponent: number): number {
  const [most, rest] = [Math.abs(exponent) - (Math.abs(exponent) % 32), Math.abs(exponent) % 32];
  if (exponent < -323) return 0;
  return exponent < 0 ? Number(`1e-${most}`) / Number(`1e${rest}`) : Number(`1e${most}`) * Number(`1e${rest}`);
}
