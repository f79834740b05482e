import assert from "node:assert/strict";
import { test } from "node:test";
import { isWhole, quantityOf, type ResourceList, roundUpToMilli } from "./resource-list.ts";

test("amounts finer than a thousandth are rounded up to one in the notation they were written in", () => {
  const list: ResourceList = { exponent: "1e-9", suffix: "100u", whole: "1Gi", kept: "0.5", huge: "123456789012345678901.0001" };
  roundUpToMilli(list);
  assert.deepEqual(list, { exponent: "1e-3", suffix: "1m", whole: "1Gi", kept: "500m", huge: "123456789012345678901001m" });
});

test("amounts are whole where nothing of one is left, as upstream counts", () => {
  const whole = (text: string): boolean => isWhole(quantityOf(text));
  assert.deepEqual(["1", "1e18", "100E", "1000m", "1Gi"].map(whole), [true, true, true, true, true]);
  assert.deepEqual(["1m", "1.5", "1e-9"].map(whole), [false, false, false]);
  assert.equal(whole("9999999999999999999"), false, "thousandths of 19 digits are their low 64 bits");
});
