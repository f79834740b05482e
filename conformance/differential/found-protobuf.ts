/** Bodies in protobuf that are broken somewhere, and texts in them that are no UTF-8. */
import { ask, type Case } from "./cases.ts";

const core = "/api/v1/namespaces/default";
const headers = { "content-type": "application/vnd.kubernetes.protobuf" };
type Bytes = readonly number[];
const varint = (value: number): Bytes => (value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]);
const field = (number: number, content: Bytes): Bytes => [...varint(number * 8 + 2), ...varint(content.length), ...content];
const text = (value: string): Bytes => [...Buffer.from(value)];
const meta = (apiVersion: string, kind: string): Bytes => field(1, [...field(1, text(apiVersion)), ...field(2, text(kind))]);
const sealed = (...parts: Bytes[]): Uint8Array => Uint8Array.from([0x6b, 0x38, 0x73, 0, ...parts.flat()]);
const endless = Array.from({ length: 12 }, () => 0xff);
const below = [...Array.from({ length: 9 }, () => 0xff), 1];
const most = [...Array.from({ length: 8 }, () => 0xff), 0x7f];

/** What may stand where a field begins. */
const mistakes: Record<string, Bytes> = {
  "cut off in a tag": [0x80],
  "a tag without an end": endless,
  "a tag of nine bytes": [...Array.from({ length: 8 }, () => 0xff), 1],
  "a number of 32 bits and more": [0x82, 0x80, 0x80, 0x80, 0x80, 0x01, 0],
  "no number": [2, 0],
  "no number of its own": [0, 0],
  "the end of a group": [0x0c],
  "the end of a group that nobody knows": [0xfc, 0x01],
  "a group": [0xfb, 0x01, 0xfc, 0x01],
  "a group in a group": [0xfb, 0x01, 0x0b, 0x10, 5, 0x0c, 0xfc, 0x01],
  "a group without an end": [0xfb, 0x01, 0x0b],
  "a wire type that is none": [0xfe, 0x01],
  "a wire type that is none of a known field": [0x0e],
  "a varint for a text": [0x08, 1],
  "eight bytes for a text": [0x09, 1, 2, 3, 4, 5, 6, 7, 8],
  "four bytes for a text": [0x0d, 1, 2, 3, 4],
  "a length below zero": [0x0a, ...below],
  "a length beyond all": [0x0a, ...most],
  "a length without an end": [0x0a, ...endless],
  "a length that is too much": [0x0a, 5, 1],
  "a length that is cut off": [0x0a],
  "unknown with a length below zero": [0xfa, 0x01, ...below],
  "unknown with a length beyond all": [0xfa, 0x01, ...most],
  "unknown with a length that is too much": [0xfa, 0x01, 9],
  "unknown and whole": [0xfa, 0x01, 3, 1, 2, 3, 0xf8, 0x01, 0x80, 1, 0xf9, 0x01, 1, 2, 3, 4, 5, 6, 7, 8, 0xfd, 0x01, 1, 2, 3, 4],
  "unknown and cut off": [0xf9, 0x01, 1, 2, 3],
  "unknown and a varint without an end": [0xf8, 0x01, ...endless],
};
const named = (name: string): Bytes => field(1, field(1, text(name)));
const both = Object.entries(mistakes);

/** Invalid in each way, in the text of a field. */
const texts: Bytes[] = [
  [0xff],
  [0xe2, 0x82],
  [0xe2, 0x82, 0x61],
  [0xf0, 0x9f, 0x98],
  [0xed, 0xa0, 0x80],
  [0xc0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  text("é😀\0\u2028"),
];

const post = (path: string, body: Uint8Array) => ask("POST", `${core}/${path}`, body, headers);

export const foundProtobuf: Case[] = [
  {
    name: "protobuf that is broken",
    steps: [
      ...[[], [0x6b], [0x6b, 0x38, 0x73, 1, 0], [0x6b, 0x38, 0x73, 0]].map((bytes) => post("configmaps", Uint8Array.from(bytes))),
      ...both.flatMap(([, broken]) => [
        post("configmaps?dryRun=All", sealed(broken)),
        post("configmaps?dryRun=All", sealed(meta("v1", "ConfigMap"), broken)),
        post("configmaps?dryRun=All", sealed(field(1, broken))),
        post("configmaps?dryRun=All", sealed(meta("v1", "ConfigMap"), field(2, [...named("a"), ...broken]))),
        post("configmaps?dryRun=All", sealed(meta("v1", "ConfigMap"), field(2, [...named("a"), ...field(1, broken)]))),
        post("configmaps?dryRun=All", sealed(meta("v1", "ConfigMap"), field(2, [...named("a"), ...field(2, broken)]))),
        post("configmaps?dryRun=All", sealed(meta("v1", "ConfigMap"), field(2, [...named("a"), ...field(1, field(8, broken))]))),
        ask("DELETE", `${core}/configmaps/none`, sealed(meta("v1", "DeleteOptions"), field(2, broken)), headers),
      ]),
      ...[
        sealed(meta("v1", "ConfigMap")),
        sealed(field(2, named("a"))),
        sealed(meta("", "ConfigMap"), field(2, named("a"))),
        sealed(meta("v1", ""), field(2, named("a"))),
        sealed(meta("v2", "ConfigMap"), field(2, named("a"))),
        sealed(meta("a/b/c", "ConfigMap"), field(2, named("a"))),
        sealed(meta("apps/", "ConfigMap"), field(2, named("a"))),
        sealed(meta("v1", "Nothing"), field(2, named("a"))),
        sealed(meta("v1", "Pod"), field(2, named("a"))),
        sealed(meta("v1", "ConfigMap"), field(2, named("a")), field(3, text("gzip")), field(4, text("application/json"))),
        sealed(meta("v1", "ConfigMap"), field(2, named("a")), meta("v1", "Secret")),
        sealed(meta("v1", "ConfigMap"), field(2, named("a")), field(2, named("b"))),
        sealed(meta("v1", "ConfigMap"), [0x10, 1]),
        sealed(meta("v1", "ConfigMap"), [0x18, 1]),
        sealed(meta("v1", "ConfigMap"), [0x20, 1]),
      ].map((body) => post("configmaps?dryRun=All", body)),
      // Numbers, lists, messages made by hand: in a pod.
      ...[
        field(2, [0x22, 0]),
        field(2, [0x20, 0xff]),
        field(2, field(4, [1, 2])),
        field(2, [0x58, ...endless]),
        field(2, [0x58, ...below]),
        field(2, field(2, [...field(1, text("c")), ...field(8, field(1, [...field(1, text("cpu")), ...field(2, [0x08, 1])]))])),
        field(2, field(2, field(6, [0x0a, 0]))),
        field(1, field(8, [0x0a, 0])),
        field(1, field(8, [0x10, ...endless])),
        field(1, [0x3a, 1]),
        field(1, field(13, [0x0a])),
        field(1, field(17, field(7, [0x08, 1]))),
        field(2, field(2, field(11, field(1, field(2, field(2, [0x0a, 0])))))),
      ].map((spec) => post("pods?dryRun=All", sealed(meta("v1", "Pod"), field(2, [...named("a"), ...spec])))),
    ],
  },
  {
    name: "protobuf with texts that are no UTF-8",
    // Names and keys are left out: Go quotes the bytes that they came with, which a text of ours has no more.
    steps: texts.flatMap((bad) => {
      const entry = (number: number, key: Bytes, value: Bytes) => field(number, [...field(1, key), ...field(2, value)]);
      const map = (...parts: Bytes[]) => sealed(meta("v1", "ConfigMap"), field(2, parts.flat()));
      return [
        post("configmaps", map(named("utf8"), entry(2, text("a"), bad))),
        ask("GET", `${core}/configmaps/utf8`),
        ask("GET", `${core}/configmaps/utf8`, undefined, { accept: "application/yaml" }),
        ask("DELETE", `${core}/configmaps/utf8`),
        ask(
          "POST",
          `${core}/configmaps?dryRun=All`,
          Buffer.concat([Buffer.from('{"metadata":{"name":"a"},"data":{"a":"'), Uint8Array.from(bad), Buffer.from('"}}')]),
        ),
        ask("POST", `${core}/configmaps?dryRun=All`, Buffer.concat([Buffer.from('{"metadata":{"name":"'), Uint8Array.from(bad), Buffer.from('"}}')])),
      ];
    }),
  },
];
