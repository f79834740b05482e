import assert from "node:assert/strict";
import { test } from "node:test";
import { parseYAML } from "../api/codec/yaml.ts";
import { YAMLMemory } from "./yaml-memory.ts";

const same = (memory: YAMLMemory, text: string): void => assert.deepEqual(memory.parse(text), parseYAML(text).value, text);

test("texts of one form give what each gives by itself", () => {
  const memory = new YAMLMemory();
  for (const name of ["a", "b", "", " spaced ", "true", "12", "#no comment", "1e3", "\\u0041"])
    same(memory, `name: "${name}"\nlist: [{ip: "10.0.0.1", port: 80}, "${name}"]\nplain: ${name.trim() || "x"}\nempty: ""\n`);
});

test("quotes that are no value of their own are read as what they are", () => {
  const memory = new YAMLMemory();
  for (const value of ["a", "b"]) {
    same(memory, `text: |\n  he said "${value}"\n  "${value}"\nother: 1\n`);
    same(memory, `a: 'it is "${value}"'\n`);
    same(memory, `a: 1 # "${value}"\nb: "${value}"\n`);
    same(memory, `{"${value}": "x", "y": "${value}"}`);
    same(memory, `a: !!str "${value}"\nb: !!binary "aGk="\n`);
    same(memory, `a: &x "${value}"\nb: *x\n`);
    same(memory, `a: plain "${value}"\nb: "say \\"${value}\\""\n`);
    same(memory, `a: "two\n  ${value}"\n`);
  }
});

test("what was filled in belongs to the caller", () => {
  const memory = new YAMLMemory();
  const first = memory.parse(`a: {b: "1"}`) as { a: { b: string } };
  first.a.b = "changed";
  assert.deepEqual(memory.parse(`a: {b: "2"}`), { a: { b: "2" } });
});

test("a text that is no YAML is refused in its own words each time", () => {
  const memory = new YAMLMemory();
  for (const value of ["x", "y"]) assert.throws(() => memory.parse(`a: "${value}"\n  b: [`), { message: /yaml: / });
});
