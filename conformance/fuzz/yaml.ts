/** YAML bodies, and what is written of what was read. */
import { DecodeError } from "../../src/api/codec/decode-error.ts";
import { decodeYAML } from "../../src/api/codec/decode.ts";
import { encodeJSONString, parseJSON, sortKeys } from "../../src/api/codec/json.ts";
import { parseYAML, parseYAMLDocuments } from "../../src/api/codec/yaml.ts";
import { encodeYAMLString } from "../../src/api/codec/yaml-write.ts";
import { typeOfKind } from "../../src/api/schema/schema.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { jsonMutator } from "./mutate-json.ts";
import { fixtures, templates } from "./objects.ts";
import { bytesOf, kindOf, type MakeTarget, type Mutator, refusal, same, textOf } from "./target.ts";

const odd = `%YAML 1.1
---
a: &x [1, 0x1F, 0o17, 1_000, +.inf, ~, yes, 2001-01-01, "\\x41\\u0041\\n", 'it''s']
<<: *x
b: !!binary aGVsbG8=
? {complex: key}
: |+2
    kept

c: >-
  folded
   more
d: !!str 12
e: {<<: {f: 1}, g: [*x, *x]}
...
---
second
`;
/** Each line refers to the one before, nine times. */
const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${[..."bcdefghi"].map((name, i) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[i]}`).join()}]`).join("\n")}\n`;

const indentMutator: Mutator = (input, random) => {
  const lines = textOf(input).split("\n");
  for (let n = 1 + random.int(3); n > 0; n--) {
    const at = random.int(lines.length);
    const line = lines[at];
    if (line === undefined) break;
    const change = random.int(5);
    if (change === 0) lines[at] = `${" ".repeat(random.int(12))}${line.trimStart()}`;
    else if (change === 1) lines[at] = `\t${line}`;
    else if (change === 2) lines.splice(at, 0, lines[random.int(lines.length)] as string);
    else if (change === 3) lines.splice(at, 1);
    else lines[at] = line.replace(/: .*/, [": |", ": >+", ": &a", ": *a", ': "', ": [", ": {", ": !!int x"][random.int(8)] as string);
  }
  return bytesOf(lines.join("\n"));
};

export const makeTarget: MakeTarget = () => ({
  seeds: [
    ...readFileSync(join(import.meta.dirname, "../differential/templates.yaml"), "utf8")
      .split("\n---\n")
      .slice(0, 60)
      .map(bytesOf),
    ...templates.slice(0, 10).map((object) => bytesOf(JSON.stringify(object))),
    ...fixtures("yaml"),
    bytesOf(odd),
    bytesOf(bomb),
  ],
  words: [
    "&a ",
    "*a",
    "<<: ",
    "!!binary ",
    "!!int ",
    "!<tag:yaml.org,2002:str> ",
    "? ",
    ": ",
    "- ",
    "|\n",
    ">-\n",
    "---\n",
    "...\n",
    "%TAG ! a\n",
    "'",
    '"',
    "[",
    "{",
    "}",
    "]",
    "#",
    "~",
    ".nan",
    "0x",
    "\t",
    "\r\n",
    "\u2028",
    "\\x",
  ],
  mutators: [indentMutator, indentMutator, jsonMutator],
  longest: 1 << 20,
  run(input) {
    let outcome: string;
    try {
      const { value, duplicates } = parseYAML(input);
      const text = encodeJSONString(value);
      same("as JSON", text, encodeJSONString(sortKeys(parseJSON(text).value)));
      // What is only a text is no object; go-yaml and YAML 1.2 count its indentation differently.
      if (typeof value === "object" && value !== null) same("written and read again", text, encodeJSONString(parseYAML(encodeYAMLString(value)).value));
      outcome = `read ${duplicates.length ? "repeated" : ""}`;
    } catch (error) {
      outcome = refusal(error, DecodeError);
    }
    try {
      outcome += ` ${parseYAMLDocuments(input).length > 1}`;
    } catch (error) {
      refusal(error, DecodeError);
    }
    try {
      const { strictErrors } = decodeYAML(input, (apiVersion, kind) => typeOfKind(apiVersion, kind));
      return `${outcome} ${strictErrors.slice(0, 3).map(kindOf).join()}`;
    } catch (error) {
      return `${outcome} ${refusal(error, DecodeError)}`;
    }
  },
});
