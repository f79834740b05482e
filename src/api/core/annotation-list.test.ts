import assert from "node:assert/strict";
import { test } from "node:test";
import { annotationList } from "./annotation-list.ts";

const read = (text: string): unknown => annotationList(text, "core.Toleration", { Key: "string", Effect: "core.TaintEffect", TolerationSeconds: "int64" });

test("names in any case are read, what is null or not known is not", () => {
  assert.deepEqual(read('[{"KEY":"a","tolerationSeconds":5,"other":1,"effect":null},null]'), [{ key: "a", tolerationSeconds: 5 }, {}]);
  assert.deepEqual(read("null"), []);
});

test("what cannot be read is told in Go's words", () => {
  const words: readonly [text: string, why: string][] = [
    ["{}", "json: cannot unmarshal object into Go value of type []core.Toleration"],
    ["[1]", "json: cannot unmarshal number into Go value of type core.Toleration"],
    ['[{"key":1}]', "json: cannot unmarshal number into Go struct field Toleration.Key of type string"],
    ['[{"effect":true}]', "json: cannot unmarshal bool into Go struct field Toleration.Effect of type core.TaintEffect"],
    ['[{"tolerationSeconds":1.5}]', "json: cannot unmarshal number 1.5 into Go struct field Toleration.TolerationSeconds of type int64"],
    ["[", "unexpected end of JSON input"],
  ];
  for (const [text, why] of words) assert.equal(read(text), why);
});
