import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../base/random.ts";
import { canonicalQuantity, parseQuantity, type Quantity, QuantityError, quantityToMilli, quantityToNumber } from "./quantity.ts";

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

test("values round away from zero and stay within 64 bits", () => {
  assert.equal(parseQuantity("1m").value(), 1n);
  assert.equal(parseQuantity("-1m").value(), -1n);
  assert.equal(parseQuantity("1500u").milliValue(), 2n);
  assert.equal(parseQuantity("12E").value(), 2n ** 63n - 1n);
  assert.equal(quantityToMilli("2.5"), 2500);
  assert.equal(quantityToNumber("1Mi"), 1048576);
});

test("a hostile exponent costs nothing", () => {
  const huge = parseQuantity("1e1000000000");
  assert.equal(huge.value(), 2n ** 63n - 1n);
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
