/** Label and field selectors of a query, and the form they have in objects. */
import type { JSONValue } from "../../src/api/json.ts";
import { parseJSON } from "../../src/api/codec/json.ts";
import { DecodeError } from "../../src/api/codec/decode-error.ts";
import { FieldSelectorError, parseFieldSelector } from "../../src/api/selectors/fields.ts";
import { formatLabelSelector, type LabelSelector, parseLabelSelector, SelectorError, selectorOf } from "../../src/api/selectors/labels.ts";
import { normalize } from "../../src/api/codec/normalize.ts";
import { typeByName } from "../../src/api/schema/schema.ts";
import { jsonMutator } from "./mutate-json.ts";
import { bytesOf, Finding, type MakeTarget, refusal, same, textOf } from "./target.ts";

const labels = [undefined, {}, { a: "b" }, { a: "", b: "1", "x.y/z": "c" }, { a: "-3", constructor: "x" }] as const;
const fields = [{}, { "metadata.name": "a", "status.phase": "Running" }, { __proto__: null, a: "b=c" }];

const chosen = (selector: LabelSelector): string => labels.map((each) => Number(selector.matches(each))).join("");

export const makeTarget: MakeTarget = () => ({
  seeds: [
    "a=b",
    "a==b,c!=d",
    "a in (b, c),d notin (e),f,!g",
    "x.y/z>1,b<2",
    "a in (),b=",
    " a , b ",
    "metadata.name=a,status.phase!=Running",
    "a=b\\,c\\=d\\\\",
    '{"matchLabels":{"a":"b"},"matchExpressions":[{"key":"a","operator":"In","values":["b","c"]},{"key":"d","operator":"DoesNotExist"}]}',
  ].map(bytesOf),
  words: [
    " in ",
    " notin ",
    "(",
    ")",
    ",",
    "=",
    "==",
    "!=",
    "!",
    ">",
    "<",
    "\\",
    "\\,",
    "/",
    "a.b/c",
    "In",
    "Exists",
    "metadata.name=",
    "\u0000",
    "é",
    "__proto__",
    "constructor",
  ],
  mutators: [jsonMutator],
  longest: 1 << 20,
  run(input) {
    const text = textOf(input);
    let outcome = "";
    try {
      const selector = parseLabelSelector(text);
      const again = parseLabelSelector(selector.toString());
      same("written and read again", selector.toString(), again.toString());
      same("what is selected", chosen(selector), chosen(again));
      outcome = `${selector.requirements.length} ${chosen(selector)}`;
    } catch (error) {
      outcome = refusal(error, SelectorError);
    }
    try {
      const selector = parseFieldSelector(text);
      const again = parseFieldSelector(selector.toString());
      same("fields written and read again", selector.toString(), again.toString());
      outcome += ` ${fields.map((each) => Number(selector.matches(each as never))).join("")}`;
    } catch (error) {
      outcome += refusal(error, FieldSelectorError);
    }
    try {
      const { value } = parseJSON(input);
      const { object } = normalize(typeByName("meta/v1.LabelSelector"), value as JSONValue);
      const selector = selectorOf(object as never);
      const shown = formatLabelSelector(object as never);
      if (typeof shown !== "string") throw new Finding("not a text");
      outcome += ` ${chosen(selector)}`;
    } catch (error) {
      outcome += refusal(error, SelectorError, DecodeError);
    }
    return outcome;
  },
});
