/** Texts and what upstream's decoder and encoder make of them (k8s.io/apimachinery/pkg/runtime/serializer/cbor/direct), and every kind. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { typeOfKind } from "../schema/schema.ts";
import { decodeCBOR, decodeCBORItem } from "./cbor.ts";
import { encodeCBOR, encodeCBORFrame } from "./cbor-write.ts";
import { DecodeError } from "./decode-error.ts";
import { decodeObject } from "./decode.ts";
import { encodeJSONString, sortKeys } from "./json.ts";
import cases from "./testdata/cbor.json" with { type: "json" };

const hex = (text: string): Uint8Array => Buffer.from(text, "hex");

for (const { input, error, value, written } of cases as { input: string; error?: string; value?: string; written?: string }[]) {
  test(`${input} is ${error ?? value}`, () => {
    if (error !== undefined) {
      assert.throws(() => decodeCBOR(hex(input)), { name: "DecodeError", message: error });
      return;
    }
    const decoded = decodeCBOR(hex(input));
    assert.equal(encodeJSONString(sortKeys(decoded)), value);
    assert.equal(Buffer.from(encodeCBOR(decoded)).subarray(3).toString("hex"), written);
  });
}

test("bytes of a type are bytes with tag 22, its fractions are fractions, and both come back", () => {
  const secret = { kind: "Secret", apiVersion: "v1", metadata: { name: "s" }, data: { b: "AQI=" } };
  const type = typeOfKind("v1", "Secret");
  const bytes = encodeCBOR(secret, type);
  assert.match(Buffer.from(bytes).toString("hex"), /4162d6420102/);
  assert.equal(
    encodeJSONString(decodeObject(bytes, "application/cbor", type).object),
    encodeJSONString(decodeObject(JSON.stringify(secret), "application/json", type).object),
  );
  const untyped = encodeCBOR(secret);
  assert.deepEqual(decodeObject(untyped, "application/cbor", type).object, decodeObject(bytes, "application/cbor", type).object);
});

test("what a text is and what is unknown of it is told in upstream's words", () => {
  const type = typeOfKind("v1", "Secret");
  const decode = (input: string) => decodeObject(hex(input), "application/cbor", type);
  assert.deepEqual(decode("d9d9f7a34a61706956657273696f6e427631446b696e644653656372657463666f6f01").strictErrors, [
    "cbor: found unknown field at map element index 2",
  ]);
  assert.deepEqual(decode("a1486d65746164617461a2446e616d6541614162f6").strictErrors, ["cbor: found unknown field at map element index 1"]);
  const refused: [string, string][] = [
    ["01", "unable to determine group/version/kind: cbor: cannot unmarshal positive integer into Go value of type v1.TypeMeta"],
    ["a1446b696e6401", "unable to determine group/version/kind: cbor: cannot unmarshal positive integer into Go struct field v1.TypeMeta.kind of type string"],
  ];
  for (const [input, message] of refused) assert.throws(() => decode(input), new DecodeError(message));
});

test("a sequence is read item by item, however it is cut", () => {
  const object = encodeCBOR({ kind: "Status" });
  const frames = Buffer.concat([encodeCBORFrame("ADDED", object), encodeCBORFrame("DELETED", object)]);
  const first = decodeCBORItem(frames, 0);
  assert.deepEqual(first?.value, { type: "ADDED", object: { kind: "Status" } });
  assert.deepEqual(decodeCBORItem(frames, first?.end ?? 0), { value: { type: "DELETED", object: { kind: "Status" } }, end: frames.length });
  for (let length = 0; length < (first?.end ?? 0); length++) assert.equal(decodeCBORItem(frames.subarray(0, length), 0), undefined);
});

test("what claims to be longer or deeper than it is costs nothing", () => {
  for (const input of [
    "9b00000000ffffffff",
    "bb0000000000100000",
    "5b00000000ffffffff",
    `${"81".repeat(100_000)}00`,
    `${"d6".repeat(100_000)}00`,
    `${"9f".repeat(100_000)}00`,
  ])
    assert.throws(() => decodeCBOR(hex(input)), DecodeError);
});

test("__proto__ is a key like any other", () => {
  const value = decodeCBOR(hex("a1495f5f70726f746f5f5fa1416101"));
  assert.deepEqual(Object.keys(value as object), ["__proto__"]);
  assert.equal(({} as { a?: unknown }).a, undefined);
});
