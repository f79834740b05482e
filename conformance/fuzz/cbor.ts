/** CBOR bodies, sequences of watches, and what is written of what was read. */
import { decodeCBOR, decodeCBORItem } from "../../src/api/codec/cbor.ts";
import { encodeCBOR, encodeCBORFrame } from "../../src/api/codec/cbor-write.ts";
import { DecodeError } from "../../src/api/codec/decode-error.ts";
import { decodeJSON, decodeObject } from "../../src/api/codec/decode.ts";
import { encodeJSONString, sortKeys } from "../../src/api/codec/json.ts";
import cases from "../../src/api/codec/testdata/cbor.json" with { type: "json" };
import type { JSONObject } from "../../src/api/json.ts";
import { type TypeDef, typeOfKind } from "../../src/api/schema/schema.ts";
import { changeJSON } from "./mutate-json.ts";
import { fixtures, templates } from "./objects.ts";
import { bytesOf, kindOf, type MakeTarget, type Mutator, refusal, same } from "./target.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const typeFor = (object: JSONObject): TypeDef | undefined => typeOfKind(String(object.apiVersion), String(object.kind));

/** What it means, changed and written again. */
const valueMutator: Mutator = (input, random) => {
  try {
    const value = changeJSON(decodeCBOR(input), random);
    return encodeCBOR(value, random.next() < 0.5 && typeof value === "object" && value !== null ? typeFor(value as JSONObject) : undefined);
  } catch {
    return undefined;
  }
};
/** The head of an item: another type, another length, none, a tag before it. */
const headMutator: Mutator = (input, random) => {
  if (!input.length) return undefined;
  const out = Buffer.from(input);
  const at = random.int(out.length);
  const first = out[at] as number;
  const choice = random.int(5);
  if (choice === 0) out[at] = (first & 31) | (random.int(8) << 5);
  else if (choice === 1) out[at] = (first & 0xe0) | random.int(32);
  else if (choice === 2) out[at] = first | 31;
  else {
    const tag = [[0xc0], [0xc1], [0xc2], [0xd5], [0xd6], [0xd7], [0xd9, 0xd9, 0xf7], [0xff], [0x5f], [0xbf], [0x9f], [0x9b, 0, 0, 0, 1, 0, 0, 0, 0]][
      random.int(12)
    ] as number[];
    return Buffer.concat([out.subarray(0, at), Buffer.from(tag), out.subarray(at + (choice === 3 ? 1 : 0))]);
  }
  return out;
};

export const makeTarget: MakeTarget = () => ({
  seeds: [
    ...(cases as { input: string }[]).map(({ input }) => Uint8Array.from(Buffer.from(input, "hex"))),
    ...templates.map((object) => encodeCBOR(object, undefined)),
    ...fixtures("json").flatMap((json) => {
      const { object } = decodeJSON(json, (apiVersion, kind) => typeOfKind(apiVersion, kind));
      return [encodeCBOR(object, typeFor(object))];
    }),
    encodeCBORFrame("ADDED", encodeCBOR({ kind: "Status", apiVersion: "v1" })),
    bytesOf("\x81".repeat(200)),
  ],
  mutators: [valueMutator, headMutator, headMutator],
  longest: 3 << 20,
  run(input) {
    let outcome = "";
    try {
      const item = decodeCBORItem(input, 0);
      outcome = item ? `item ${item.end === input.length}` : "part";
    } catch (error) {
      outcome = refusal(error, DecodeError);
    }
    try {
      const value = decodeCBOR(input);
      const bytes = encodeCBOR(value);
      const again = decodeCBOR(bytes);
      same("written and read again", encodeJSONString(sortKeys(value)), encodeJSONString(sortKeys(again)));
      same("written twice", hex(bytes), hex(encodeCBOR(again)));
    } catch (error) {
      return `${outcome} ${refusal(error, DecodeError)}`;
    }
    try {
      let type: TypeDef | undefined;
      const { object, strictErrors } = decodeObject(input, "application/cbor", (apiVersion, kind) => {
        type = typeOfKind(apiVersion, kind);
        return type;
      });
      const bytes = encodeCBOR(object, type);
      const shown = (value: JSONObject): string => encodeJSONString(type ? value : sortKeys(value));
      same("typed, written and read again", shown(object), shown(decodeObject(bytes, "application/cbor", type).object));
      return `${outcome} ${type?.name ?? ""} ${strictErrors.map(kindOf).join()}`;
    } catch (error) {
      return `${outcome} ${refusal(error, DecodeError)}`;
    }
  },
});
