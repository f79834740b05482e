/**
 * OpenAPI v3 in protobuf (`application/com.github.proto-openapi.spec.v3.v1.0+protobuf`): the messages of
 * github.com/google/gnostic-models/openapiv3, as far as documents of this server and schemas of definitions have them.
 */
import { ProtoWriter, wire } from "../codec/protobuf-wire.ts";
import { encodeYAMLString } from "../codec/yaml-write.ts";

type Members = Readonly<Record<string, unknown>>;
type Writing = (out: ProtoWriter, field: number, value: unknown) => void;
/** Number and kind of each field; what begins with `x-` is in `extensions`. */
interface Message {
  readonly fields: Readonly<Record<string, readonly [number, Writing]>>;
  readonly extensions?: number;
}

function framed(out: ProtoWriter, field: number, body: () => void): void {
  const end = out.length;
  body();
  out.header(field, end);
}

const text: Writing = (out, field, value) => void (value !== "" && out.string(field, String(value)));
const texts: Writing = (out, field, value) => {
  for (const one of [...(value as unknown[])].reverse()) out.string(field, String(one));
};
const chosenFlag: Writing = (out, field, value) => {
  out.byte(value ? 1 : 0);
  out.tag(field, wire.varint);
};
const flag: Writing = (out, field, value) => void (value && chosenFlag(out, field, value));
const whole: Writing = (out, field, value) => {
  if (!value) return;
  out.varint(Number(value));
  out.tag(field, wire.varint);
};
const double: Writing = (out, field, value) => void (value && out.double(field, Number(value)));
/** Anything, as YAML inside. */
const any: Writing = (out, field, value) => framed(out, field, () => text(out, 2, encodeYAMLString(value)));

/** Fields are written from the last to the first, as the writer wants them. */
function members(out: ProtoWriter, { fields, extensions = 0 }: Message, from: Members): void {
  const written = Object.entries(from).flatMap(([name, value], i): [number, number, () => void][] => {
    const known = fields[name];
    if (known) return [[known[0], i, () => known[1](out, known[0], value)]];
    if (!extensions || !name.startsWith("x-")) return [];
    return [[extensions, i, () => pair(out, extensions, name, () => any(out, 2, value))]];
  });
  for (const [, , write] of written.sort(([a, i], [b, j]) => b - a || j - i)) write();
}
const pair = (out: ProtoWriter, field: number, name: string, value: () => void): void =>
  framed(out, field, () => {
    value();
    text(out, 1, name);
  });

const one =
  (message: () => Message): Writing =>
  (out, field, value) =>
    framed(out, field, () => members(out, message(), value as Members));
const reference: Message = { fields: { $ref: [1, text], summary: [2, text], description: [3, text] } };
const orReference =
  (message: () => Message): Writing =>
  (out, field, value) =>
    framed(out, field, () => ("$ref" in (value as Members) ? one(() => reference)(out, 2, value) : one(message)(out, 1, value)));
const many =
  (item: Writing): Writing =>
  (out, field, value) => {
    for (const each of [...(value as unknown[])].reverse()) item(out, field, each);
  };
/** Names and values as fields of the message that has them. */
const pairs =
  (value: Writing): Writing =>
  (out, field, map) => {
    for (const [name, each] of Object.entries(map as Members).reverse()) pair(out, field, name, () => value(out, 2, each));
  };
/** The same in a message of their own. */
const map =
  (value: Writing): Writing =>
  (out, field, from) =>
    framed(out, field, () => pairs(value)(out, 1, from));

/** What is neither text nor number nor flag is there and says nothing. */
const fallback: Writing = (out, field, value) =>
  framed(out, field, () => {
    if (typeof value === "number") out.double(1, value);
    if (typeof value === "boolean") chosenFlag(out, 2, value);
    if (typeof value === "string") out.string(3, value);
  });
const items: Writing = (out, field, value) => framed(out, field, () => schemaOrReference(out, 1, value));
const values: Writing = (out, field, value) =>
  framed(out, field, () => (typeof value === "boolean" ? chosenFlag(out, 2, value) : schemaOrReference(out, 1, value)));

const documentation: Message = { fields: { description: [1, text], url: [2, text] }, extensions: 3 };
const schemaOrReference = orReference(() => schema);
const schema: Message = {
  fields: {
    nullable: [1, flag],
    externalDocs: [6, one(() => documentation)],
    example: [7, any],
    title: [9, text],
    multipleOf: [10, double],
    maximum: [11, double],
    exclusiveMaximum: [12, flag],
    minimum: [13, double],
    exclusiveMinimum: [14, flag],
    maxLength: [15, whole],
    minLength: [16, whole],
    pattern: [17, text],
    maxItems: [18, whole],
    minItems: [19, whole],
    uniqueItems: [20, flag],
    maxProperties: [21, whole],
    minProperties: [22, whole],
    required: [23, texts],
    enum: [24, many(any)],
    type: [25, text],
    allOf: [26, many(schemaOrReference)],
    oneOf: [27, many(schemaOrReference)],
    anyOf: [28, many(schemaOrReference)],
    not: [29, one(() => schema)],
    items: [30, items],
    properties: [31, map(schemaOrReference)],
    additionalProperties: [32, values],
    default: [33, fallback],
    description: [34, text],
    format: [35, text],
  },
  extensions: 36,
};

const media: Message = { fields: { schema: [1, schemaOrReference] }, extensions: 5 };
const content = map(one(() => media));
const parameter: Message = {
  fields: { name: [1, text], in: [2, text], description: [3, text], required: [4, flag], schema: [10, schemaOrReference] },
  extensions: 14,
};
const parameters = many(orReference(() => parameter));
const body: Message = { fields: { description: [1, text], content: [2, content], required: [3, flag] }, extensions: 4 };
const response: Message = { fields: { description: [1, text], content: [3, content] }, extensions: 5 };
const responses: Writing = (out, field, value) => framed(out, field, () => pairs(orReference(() => response))(out, 2, value));
const operation: Message = {
  fields: {
    tags: [1, texts],
    summary: [2, text],
    description: [3, text],
    operationId: [5, text],
    parameters: [6, parameters],
    requestBody: [7, orReference(() => body)],
    responses: [8, responses],
    deprecated: [10, flag],
  },
  extensions: 13,
};
const methods = { get: 4, put: 5, post: 6, delete: 7, options: 8, head: 9, patch: 10 };
const path: Message = {
  fields: {
    description: [3, text],
    ...Object.fromEntries(Object.entries(methods).map(([name, field]) => [name, [field, one(() => operation)] as const])),
    parameters: [13, parameters],
  },
  extensions: 14,
};
const scheme: Message = { fields: { type: [1, text], description: [2, text], name: [3, text], in: [4, text] }, extensions: 9 };
const document: Message = {
  fields: {
    openapi: [1, text],
    info: [2, one(() => ({ fields: { title: [1, text], description: [2, text], version: [6, text] }, extensions: 7 }))],
    paths: [4, map(one(() => path))],
    components: [5, one(() => ({ fields: { schemas: [1, map(schemaOrReference)], securitySchemes: [7, map(orReference(() => scheme))] }, extensions: 10 }))],
  },
  extensions: 9,
};

export function encodeOpenAPI(described: Members): Uint8Array {
  const out = new ProtoWriter(1 << 20);
  members(out, document, described);
  return out.finish();
}
