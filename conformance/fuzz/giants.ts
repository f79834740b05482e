/** Bodies as long as a body may be, each of a form that costs its reader as much as can be. */
import { encodeCBOR } from "../../src/api/codec/cbor-write.ts";
import { bytesOf } from "./target.ts";

/** Somewhat less than upstream's 3 MiB. */
const bytes = 3_100_000;
const many = (part: string, begin: string, end: string, length = bytes): string =>
  begin + part.repeat(Math.floor((length - begin.length - end.length) / part.length)) + end;

const json = { "content-type": "application/json" };
const yaml = { "content-type": "application/yaml" };
const merge = { "content-type": "application/merge-patch+json" };
const apply = { "content-type": "application/apply-patch+yaml" };
const patch = { "content-type": "application/json-patch+json" };

export interface Giant {
  line: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

/** `things` is the path of a resource that keeps what it does not know; `maps` is that of ConfigMaps. */
export function giants(things: string, maps: string): Giant[] {
  const thing = (any: string): string => `{"apiVersion":"fuzz.example/v1","kind":"Thing","metadata":{"name":"big"},"spec":{"list":["a"],"any":${any}}}`;
  const map = (rest: string): string => `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"big"},${rest}}`;
  const keys = (count: number, value: string): string => Array.from({ length: count }, (_, n) => `"k${n}":"${value}"`).join();
  const keyed = keys(150_000, "v");
  /** As many as may be owned. */
  const most = keys(65_000, "v");
  const rooms = Array.from({ length: 20_000 }, (_, n) => ({ op: "add", path: `/spec/any/deep/${n % 9}`, value: n }));
  const made: [string, Record<string, string>, string | Uint8Array][] = [
    [`POST ${things}`, json, thing(many("{},", '{"deep":[', "{}]}"))],
    [`POST ${things}`, json, thing(many("[],", '{"deep":[', "[]]}"))],
    [`POST ${things}`, json, thing(many("1,", '{"deep":[', "1]}"))],
    [`POST ${things}`, json, thing(many("1.5,", '{"deep":[', "1]}"))],
    [`POST ${things}`, json, thing(many('"",', '{"deep":[', '""]}'))],
    [`POST ${things}`, json, thing(`${'{"a":'.repeat(900)}1${"}".repeat(900)}`)],
    [`POST ${things}`, json, thing(`{"deep":${"[".repeat(5000)}${"]".repeat(5000)}}`)],
    [`POST ${things}`, json, thing(`{"deep":${"[".repeat(200_000)}${"]".repeat(200_000)}}`)],
    [`POST ${things}`, json, thing(`{${keyed}}`)],
    [`POST ${things}`, json, thing(many('"a":1,', "{", '"a":1}'))],
    [`POST ${things}`, json, thing(many("\\u0001", '{"t":"', '"}'))],
    [`POST ${things}?fieldValidation=Strict`, json, many('"x":1,', '{"apiVersion":"fuzz.example/v1","kind":"Thing","metadata":{"name":"big"},', '"spec":{}}')],
    [`POST ${maps}?fieldValidation=Strict`, json, map(`"data":{${keyed}}`)],
    [`POST ${maps}?fieldValidation=Warn`, json, map(`${keyed},"data":{}`)],
    [`POST ${maps}`, json, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"big","labels":{${keyed}}}}`],
    [`POST ${maps}`, json, many('"b",', '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"big","finalizers":[', '"b"]}}')],
    [`POST ${maps}`, yaml, many("- a\n", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\nx:\n", "")],
    [`POST ${maps}`, yaml, many("&a [],", "x: [", "1]")],
    [`POST ${maps}`, yaml, many("*a,", "x: &a 1\ny: [", "1]")],
    [`POST ${maps}`, yaml, many("- ", "x:\n", "1", 100_000)],
    [`POST ${maps}`, yaml, many("a: 1\n", "", "")],
    [`POST ${maps}`, yaml, many("? ", "", "", 100_000)],
    [`POST ${maps}`, yaml, many("{a: ", "", "", 100_000)],
    [`POST ${maps}`, yaml, many("x\n", 'a: "', '"')],
    [`POST ${maps}`, yaml, many("[\n", "a: [", "")],
    [`POST ${things}`, json, thing(`{${most}}`)],
    [`POST ${maps}`, json, map(`"data":{${most}}`)],
    [`POST ${maps}`, json, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"big","labels":{${most}}}}`],
    [`PATCH ${things}/t?fieldManager=f&force=true`, apply, thing(`{${keyed}}`).replace('"big"', '"t"')],
    [`PATCH ${things}/t?fieldManager=f&force=true`, apply, thing(`{${most}}`).replace('"big"', '"t"')],
    [`PATCH ${things}/t?fieldManager=f&force=true`, apply, thing(`{${keys(65_000, "w")}}`).replace('"big"', '"t"')],
    [`PATCH ${things}/t?fieldManager=f&force=true`, apply, thing("{}").replace('"big"', '"t"')],
    [`PATCH ${things}/t`, merge, `{"spec":{"any":{${most}}}}`],
    [`PATCH ${things}/t`, merge, '{"spec":{"any":null}}'],
    [`PATCH ${things}/t`, merge, `{"spec":{"any":{${keyed}}}}`],
    [`PATCH ${things}/t`, patch, JSON.stringify(rooms)],
    [`PATCH ${things}/t`, patch, JSON.stringify(rooms.slice(0, 10_000))],
    [`PATCH ${things}/t`, patch, JSON.stringify([{ op: "add", path: `/${"a/".repeat(1_000_000)}`, value: 1 }])],
    [`POST ${things}`, { "content-type": "application/cbor" }, encodeCBOR(JSON.parse(thing(many("{},", '{"deep":[', "{}]}"))))],
    [`POST ${things}`, { "content-type": "application/cbor" }, Buffer.alloc(bytes, 0x81)],
    [`POST ${maps}`, { "content-type": "application/cbor" }, Buffer.concat([Buffer.from([0x9f]), Buffer.alloc(bytes, 0x80)])],
    [
      `POST ${maps}`,
      { "content-type": "application/vnd.kubernetes.protobuf" },
      Buffer.concat([Buffer.from("k8s\0\x12\x80\x80\x40"), Buffer.alloc(bytes, 0x0a)]),
    ],
  ];
  return made.map(([line, headers, body]) => ({ line, headers, body: typeof body === "string" ? bytesOf(body) : body }));
}
