import assert from "node:assert/strict";
import { test } from "node:test";
import { mismatchOfFloats } from "../codec/unstructured.ts";
import type { JSONValue } from "../json.ts";
import { goText } from "./values.ts";
import { withWholeFloats } from "./whole-floats.ts";

test("whole numbers that are written as floats are told as floats, and fit where floats do", () => {
  const told = (text: string): string | undefined => mismatchOfFloats("core/v1.Secret", withWholeFloats(Buffer.from(text)) as JSONValue);
  assert.equal(told('{"stringData":{"a":1e3}}'), "unrecognized type: string");
  assert.equal(told('{"stringData":1.0}'), "cannot restore map from float64");
  assert.equal(told('{"metadata":{"deletionGracePeriodSeconds":1e2}}'), undefined);
  assert.equal(goText(withWholeFloats(Buffer.from('{"a":1e18,"b":[5,2.0]}'))), "map[a:1e+18 b:[5 2]]");
  assert.equal(withWholeFloats(Buffer.from('{"a":5,"b":0.5,"c":"1.0"}')), undefined);
});
