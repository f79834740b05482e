import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../base/random.ts";
import { goFloat } from "./go-float.ts";
import { canonicalQuantity, parseQuantity, type Quantity, QuantityError, quantityToMilli, quantityToNumber } from "./quantity.ts";
import golden from "./testdata/quantities.json" with { type: "json" };

test("quantities are stored as upstream stores them", () => {
  const stored: Record<string, string> = {
    "0": "0",
    "100m": "100m",
    "1.5": "1500m",
    "1.5Gi": "1536Mi",
    "1024Mi": "1Gi",
    "1000Ki": "1000Ki",
    "2000m": "2",
    "+5": "+5",
    "5.000": "5",
    "1e3": "1e3",
    "100e-1": "10",
    "12e6": "12e6",
    "1000E": "1",
    "0.1m": "100u",
    "0.5Ki": "512",
    "0.0001Ki": "102400u",
    "16Ei": "9223372036854775807",
    "0.0000000001": "1n",
    "1.1234567890123456789": "1123456790n",
    "-1.5Gi": "-1536Mi",
    " 7 ": "7",
    "-": "0",
    "1.": "1.",
    "01": "01",
  };
  for (const [written, expected] of Object.entries(stored)) assert.equal(canonicalQuantity(written), expected, JSON.stringify(written));
});

test("what is no quantity is refused with upstream's message", () => {
  const message = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  for (const text of ["", "1 Gi", "abc", "1.2.3", "0x10", "1_0"]) assert.throws(() => parseQuantity(text), { message }, text);
  for (const text of ["1e", "1i", "1mi", "1K", "1ee3", "5Mi5"])
    assert.throws(() => parseQuantity(text), { message: "unable to parse quantity's suffix" }, text);
  assert.ok(new QuantityError("x") instanceof Error);
});

test("values round away from zero", () => {
  assert.equal(parseQuantity("1m").value(), 1n);
  assert.equal(parseQuantity("-1m").value(), -1n);
  assert.equal(parseQuantity("1500u").milliValue(), 2n);
  assert.equal(quantityToMilli("2.5"), 2500);
  assert.equal(quantityToNumber("1Mi"), 1048576);
});

test("what 64 bits do not hold comes out as upstream's overflow", () => {
  assert.deepEqual(
    ["100E", "12E", "16Ei", "9223372036854775808", "-1Ei"].map((text) => parseQuantity(text).value()),
    [0n, 0n, 2n ** 63n - 1n, -(2n ** 63n), 0n],
  );
  assert.deepEqual(
    ["9223372036854775807", "16Ei", "1P", "10P"].map((text) => parseQuantity(text).milliValue()),
    [-1000n, -1000n, 10n ** 18n, 0n],
  );
  assert.deepEqual(
    ["2000m", "1.0", "2", "2k", "1Ei"].map((text) => parseQuantity(text).asInt64()),
    [undefined, undefined, 2n, 2000n, undefined],
  );
});

// Of each: text, Value, MilliValue, ScaledValue(-9), ScaledValue(5), AsInt64, AsApproximateFloat64, Format.
test("quantities, their sums and roundings are Go's", () => {
  const seen = (q: Quantity): string[] => {
    const whole = q.asInt64();
    return [q.toString(), q.value(), q.milliValue(), q.scaledValue(-9), q.scaledValue(5), whole ?? "-", goFloat(q.toNumber()), q.format].map(String);
  };
  for (const { a, b, ...expected } of golden) {
    const [x, y] = [parseQuantity(a), parseQuantity(b)];
    const found = { cmp: x.cmp(y), value: seen(x), sum: seen(x.add(y)), difference: seen(x.sub(y)), up: seen(x.roundUp(0)), upToMilli: seen(x.roundUp(-3)) };
    assert.deepEqual(found, expected, `${a} ${b}`);
  }
});

test("a hostile exponent costs nothing", () => {
  const huge = parseQuantity("1e1000000000");
  assert.equal(huge.value(), 0n);
  assert.equal(huge.cmp(parseQuantity("1")), 1);
  assert.equal(huge.add(parseQuantity("1")).cmp(huge), 0);
});

test("sums take the format of the first that is not zero", () => {
  assert.equal(parseQuantity("1Gi").add(parseQuantity("1Mi")).toString(), "1025Mi");
  assert.equal(parseQuantity("100m").add(parseQuantity("900m")).toString(), "1");
  assert.equal(parseQuantity("0").add(parseQuantity("1Ki")).toString(), "1Ki");
  assert.equal(parseQuantity("1").sub(parseQuantity("1500m")).toString(), "-500m");
  assert.equal(parseQuantity("1m").roundUp(0).toString(), "1");
});

test("any quantity reads back as itself, and order follows the numbers", () => {
  const random = seededRandom(7);
  const suffixes = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "e3", "e-3", "E6"];
  const any = (): Quantity => {
    const fraction = random.int(3) === 0 ? `.${random.int(1000)}` : "";
    return parseQuantity(`${random.int(4) === 0 ? "-" : ""}${random.int(10 ** (1 + random.int(9)))}${fraction}${suffixes[random.int(suffixes.length)]}`);
  };
  for (let i = 0; i < 2000; i++) {
    const a = any();
    const b = any();
    const text = a.toString();
    // Beyond exa upstream writes no suffix, and below nano rounds.
    if (a.scale <= 9) assert.ok(parseQuantity(text).equals(a), text);
    assert.equal(a.cmp(b), -b.cmp(a) + 0);
    assert.equal(a.add(b).sub(b).cmp(a), 0);
    if (Math.abs(a.toNumber() - b.toNumber()) > 1e-3 * Math.abs(a.toNumber())) assert.equal(a.cmp(b), a.toNumber() < b.toNumber() ? -1 : 1);
  }
});

test("a sum with a hostile exponent is written as an exponent, at once", () => {
  assert.equal(parseQuantity("1Gi").add(parseQuantity("1e999999999")).toString(), "1e999999999");
});

test("long texts are read and written in time in proportion to their length", () => {
  const long = 50_000;
  const before = process.cpuUsage();
  for (const text of ["9".repeat(long), `1${"0".repeat(long)}1`, `0.${"0".repeat(long)}1`])
    assert.notEqual(parseQuantity(text).add(parseQuantity("1")).toString(), "");
  for (const text of [`${"0".repeat(long)}x`, `${"9".repeat(long)}!`, `1${"E".repeat(long)}`]) assert.throws(() => parseQuantity(text), QuantityError);
  assert.ok(process.cpuUsage(before).user < 1_000_000);
});
