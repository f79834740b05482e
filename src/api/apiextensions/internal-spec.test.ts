import assert from "node:assert/strict";
import { test } from "node:test";
import type { CustomResourceDefinitionSpec } from "../types/apiextensions-v1.gen.ts";
import { internalSpec } from "./internal-spec.ts";

const shared = (...fields: object[]): boolean => {
  const versions = fields.map((field, i) => ({
    name: `v${i}`,
    schema: { openAPIV3Schema: { type: "object", properties: { a: { type: "boolean", ...field } } } },
  }));
  return internalSpec({ versions } as unknown as CustomResourceDefinitionSpec).validation !== undefined;
};

test("a schema that all versions have stands once, be a list in it empty or absent, but where there is one of a pointer's", () => {
  assert.equal(shared({}, {}), true);
  assert.equal(shared({ required: [] }, {}), true);
  assert.equal(shared({ items: [] }, { items: [] }), true);
  for (const field of ["items", "default", "example"]) {
    assert.equal(shared({}, { [field]: [] }), false, field);
    assert.equal(shared({ [field]: [] }, {}), false, field);
  }
});
