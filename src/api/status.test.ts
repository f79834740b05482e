import assert from "node:assert/strict";
import { test } from "node:test";
import { invalidValue } from "./field.ts";
import { invalid, mostErrors, mostText, notFound } from "./status.ts";

const causes = (count: number, value: string): number =>
  invalid(
    "Pod",
    "a",
    Array.from({ length: count }, (_, i) => invalidValue(`spec.a[${i}]`, value, "is wrong")),
  ).status.details?.causes?.length ?? 0;

test("no more mistakes are told than a client can use, neither in number nor in length", () => {
  assert.equal(causes(30, "x"), 30);
  assert.equal(causes(mostErrors + 5, "x"), mostErrors);
  assert.equal(causes(100, "x".repeat(mostText / 4)), 3);
});

test("one mistake is told however long it is", () => {
  assert.equal(causes(3, "x".repeat(2 * mostText)), 1);
});

test("a Status has its members in the order in which Go writes them", () => {
  const { status } = notFound("pods", "a");
  assert.deepEqual(Object.keys(status), ["kind", "apiVersion", "metadata", "status", "message", "reason", "details", "code"]);
});
