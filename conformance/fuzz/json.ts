/** JSON bodies: the untyped reader and the typed one, both of their ways, and what is written of what they read. */
import { DecodeError } from "../../src/api/codec/decode-error.ts";
import { decodeJSON } from "../../src/api/codec/decode.ts";
import { encodeJSONString, parseJSON, readJSON, sortKeys, untyped } from "../../src/api/codec/json.ts";
import { parseNodes } from "../../src/api/codec/json-syntax.ts";
import { normalizeKnown } from "../../src/api/codec/normalize.ts";
import { readTyped } from "../../src/api/codec/typed-reader.ts";
import { type TypeDef, typeOfKind } from "../../src/api/schema/schema.ts";
import { jsonMutator, repeatedKeyMutator } from "./mutate-json.ts";
import { fixtures, templates } from "./objects.ts";
import { bytesOf, kindOf, type MakeTarget, refusal, same } from "./target.ts";

const typed = (apiVersion: string, kind: string): TypeDef | undefined => typeOfKind(apiVersion, kind);

export const makeTarget: MakeTarget = () => ({
  seeds: [
    ...templates.map((object) => bytesOf(JSON.stringify(object))),
    ...fixtures("json"),
    bytesOf("[[[1]],{}]"),
    bytesOf('"\\ud83d\\ude00\\u0000"'),
    bytesOf("1e5"),
  ],
  words: ["null", "{}", "[]", '"', "\\u0000", "\\ud800", "1e400", "-0", '"__proto__":{}', "[[[[[[[[", '{"a":', "\ufeff", "//", "NaN", "18446744073709551616"],
  mutators: [jsonMutator, jsonMutator, repeatedKeyMutator],
  longest: 3 << 20,
  run(input) {
    let outcome: string;
    try {
      const { value, duplicates } = parseJSON(input);
      const text = encodeJSONString(sortKeys(value));
      same("written and read again", text, encodeJSONString(sortKeys(parseJSON(text).value)));
      if (!duplicates.length) same("the exact reader's", text, encodeJSONString(sortKeys(untyped(parseNodes(readJSON(input).text), new Set()))));
      outcome = `read ${duplicates.length ? "repeated" : ""}`;
    } catch (error) {
      outcome = refusal(error, DecodeError);
    }
    try {
      let type: TypeDef | undefined;
      const { object, strictErrors } = decodeJSON(input, (apiVersion, kind) => {
        type = typed(apiVersion, kind);
        return type;
      });
      const text = encodeJSONString(type ? object : sortKeys(object));
      const again = decodeJSON(text, type).object;
      same("typed, written and read again", text, encodeJSONString(type ? again : sortKeys(again)));
      if (type) same("the exact typed reader's", text, encodeJSONString(normalizeKnown(type, readTyped(type, parseNodes(readJSON(input).text)).value)));
      return `${outcome} ${type?.name ?? ""} ${strictErrors.slice(0, 3).map(kindOf).join()}`;
    } catch (error) {
      return `${outcome} ${refusal(error, DecodeError)}`;
    }
  },
});
