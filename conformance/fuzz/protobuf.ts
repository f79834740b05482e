/** Protobuf bodies in their envelope, and frames of watches. */
import { DecodeError } from "../../src/api/codec/decode-error.ts";
import { decodeJSON } from "../../src/api/codec/decode.ts";
import { encodeJSONString } from "../../src/api/codec/json.ts";
import { decodeProtobuf, encodeProtobuf } from "../../src/api/codec/protobuf.ts";
import { decodeWatchFrame, encodeWatchFrame } from "../../src/api/codec/protobuf-envelope.ts";
import type { JSONObject } from "../../src/api/json.ts";
import { type TypeDef, typeOfKind } from "../../src/api/schema/schema.ts";
import { fixtures, templates } from "./objects.ts";
import { Finding, type MakeTarget, type Mutator, refusal, same } from "./target.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

interface Field {
  /** Where its tag begins, its content begins, and it ends. */
  at: number;
  from: number;
  to: number;
}

/** The fields of a message that have a length, as far as it can be read. */
function fieldsOf(bytes: Uint8Array, start: number, end: number, found: Field[], depth: number): boolean {
  let at = start;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; at < end; shift *= 128) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
    return -1;
  };
  while (at < end) {
    const begin = at;
    const tag = varint();
    if (tag < 8) return false;
    if ((tag & 7) === 0) varint();
    else if ((tag & 7) === 1) at += 8;
    else if ((tag & 7) === 5) at += 4;
    else if ((tag & 7) === 2) {
      const length = varint();
      if (length < 0 || at + length > end) return false;
      found.push({ at: begin, from: at, to: at + length });
      if (depth < 12) fieldsOf(bytes, at, at + length, found, depth + 1);
      at += length;
    } else return false;
  }
  return at === end;
}

const lengthOf = (value: number): number[] => (value < 128 ? [value] : [(value % 128) | 128, ...lengthOf(Math.floor(value / 128))]);

/** Replaces a part; the lengths around it are set right. */
function replace(bytes: Uint8Array, fields: readonly Field[], from: number, to: number, by: Uint8Array): Uint8Array {
  let changed = { from, to, by };
  const around = fields
    .filter((field) => field.from <= from && field.to >= to && !(field.from === from && field.to === to && field.at === from))
    .sort((a, b) => b.at - a.at);
  for (const field of around) {
    const content = Buffer.concat([bytes.subarray(field.from, changed.from), changed.by, bytes.subarray(changed.to, field.to)]);
    let tagEnd = field.at;
    while ((bytes[tagEnd] as number) >= 128) tagEnd++;
    const head = bytes.subarray(field.at, tagEnd + 1);
    changed = { from: field.at, to: field.to, by: Buffer.concat([head, Buffer.from(lengthOf(content.length)), content]) };
  }
  return Buffer.concat([bytes.subarray(0, changed.from), changed.by, bytes.subarray(changed.to)]);
}

const fieldMutator: Mutator = (input, random) => {
  const fields: Field[] = [];
  fieldsOf(input, 4, input.length, fields, 0);
  const field = fields[random.int(fields.length)];
  const other = fields[random.int(fields.length)];
  if (!field || !other) return undefined;
  const whole = input.subarray(field.at, field.to);
  switch (random.int(6)) {
    case 0:
      return replace(input, fields, field.at, field.to, new Uint8Array());
    case 1:
      return replace(input, fields, field.at, field.to, Buffer.concat([whole, whole]));
    case 2:
      return replace(input, fields, field.from, field.to, random.bytes(random.int(20)));
    case 3:
      return replace(input, fields, field.from, field.to, input.subarray(other.from, other.to));
    case 4:
      return replace(input, fields, field.at, field.at, input.subarray(other.at, other.to));
    default: {
      // The message within itself, many times.
      let nested = Buffer.from(whole);
      for (let n = 2 ** random.int(9); n > 0; n--)
        nested = Buffer.concat([input.subarray(field.at, field.at + 1), Buffer.from(lengthOf(nested.length)), nested]);
      return replace(input, fields, field.from, field.to, nested);
    }
  }
};

/** Nothing for templates that hold mistakes. */
function encoded(object: JSONObject): Uint8Array[] {
  const type = typeOfKind(String(object.apiVersion), String(object.kind));
  if (!type) return [];
  try {
    return [encodeProtobuf(type, decodeJSON(JSON.stringify(object), type).object, String(object.apiVersion), String(object.kind))];
  } catch (error) {
    refusal(error, DecodeError);
    return [];
  }
}

export const makeTarget: MakeTarget = () => ({
  seeds: [...templates.flatMap(encoded), ...fixtures("pb")].map((bytes) => Uint8Array.from(bytes)),
  words: ["k8s\0", "\x0a", "\x12", "\x1b", "\x1c", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"],
  mutators: [fieldMutator, fieldMutator],
  longest: 3 << 20,
  run(input) {
    let outcome = "";
    try {
      const { type, object } = decodeWatchFrame(input);
      const again = decodeWatchFrame(encodeWatchFrame(type, object).subarray(4));
      same("a frame", `${type} ${hex(object)}`, `${again.type} ${hex(again.object)}`);
      outcome = "frame";
    } catch (error) {
      outcome = refusal(error, DecodeError);
    }
    try {
      let type: TypeDef | undefined;
      let identity: [string, string] = ["", ""];
      const object = decodeProtobuf(input, (apiVersion, kind) => {
        identity = [apiVersion, kind];
        type = typeOfKind(apiVersion, kind);
        return type;
      });
      if (!type) return `${outcome} no type`;
      const [apiVersion, kind] = identity;
      const bytes = encodeProtobuf(type, object, apiVersion, kind);
      const again = encodeProtobuf(
        type,
        decodeProtobuf(bytes, () => type),
        apiVersion,
        kind,
      );
      same(`${kind} written and read again`, hex(bytes), hex(again));
      let fits = "";
      try {
        // What protobuf does not check, such as quantities, JSON may refuse.
        const text = encodeJSONString(object);
        const { object: read, strictErrors } = decodeJSON(text, type);
        if (strictErrors.length) throw new Finding(`${kind}: ${strictErrors[0]}`);
        encodeProtobuf(type, read, apiVersion, kind);
      } catch (error) {
        fits = refusal(error, DecodeError);
      }
      return `${outcome} ${apiVersion} ${kind} ${fits}`;
    } catch (error) {
      return `${outcome} ${refusal(error, DecodeError)}`;
    }
  },
});
