import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, seededRandom } from "../../base/random.ts";
import type { JSONObject, JSONValue } from "../json.ts";
import { encodeJSON, parseJSON } from "../codec/json.ts";
import { typeOfKind } from "../schema/schema.ts";
import { StatusError } from "../status.ts";
import { applyJSONPatch, JSONPatchError, patchJSON, runJSONPatch } from "./json-patch.ts";
import { applyMergePatch, createMergePatch, mergePatchText } from "./merge-patch.ts";
import { applyStrategicMergePatch } from "./strategic.ts";
import { equal } from "./values.ts";

const deployment = typeOfKind("apps/v1", "Deployment");
const freeze = <T>(value: T): T => {
  if (typeof value === "object" && value !== null) for (const inner of Object.values(Object.freeze(value))) freeze(inner);
  return value;
};

test("JSON patch operations follow RFC 6902 and leave the document alone", () => {
  const doc = freeze({ a: { b: [1, 2, 3] }, "x/y": 1, keep: { z: 1 } });
  const patched = runJSONPatch(doc, [
    { op: "test", path: "/a/b/1", value: 2 },
    { op: "add", path: "/a/b/-", value: 4 },
    { op: "add", path: "/a/b/0", value: 0 },
    { op: "remove", path: "/a/b/-1" },
    { op: "replace", path: "/x~1y", value: 2 },
    { op: "copy", from: "/a", path: "/c" },
    { op: "add", path: "/c/d", value: true },
    { op: "move", from: "/x~1y", path: "/m" },
  ]) as JSONObject;
  assert.deepEqual(patched, { a: { b: [0, 1, 2, 3] }, keep: { z: 1 }, c: { b: [0, 1, 2, 3], d: true }, m: 2 });
});

test("copies that double the document are stopped at the bytes that they add", () => {
  const doubling = Array.from({ length: 100 }, (_, n) => ({ op: "copy", from: "/a", path: `/a/c${n}` }));
  assert.throws(
    () => runJSONPatch({ a: { b: "x" } }, doubling),
    /^Error: Unable to complete the copy, the accumulated size increase of copy is \d+, exceeding the limit 3145728$/,
  );
  const flat = Array.from({ length: 10_000 }, (_, n) => ({ op: "copy", from: "/a", path: `/c${n}` }));
  assert.equal(Object.keys(runJSONPatch({ a: { b: "x" } }, flat) as JSONObject).length, 10_001);
});

test("a container that the patch has changed can be copied into itself", () => {
  const patched = runJSONPatch({ a: {} }, [
    { op: "add", path: "/a/b", value: 1 },
    { op: "copy", from: "/a", path: "/a/c" },
    { op: "add", path: "/a/c/d", value: 2 },
  ]);
  assert.deepEqual(patched, { a: { b: 1, c: { b: 1, d: 2 } } });
});

test("JSON patches that do not apply say why", () => {
  const messages: [JSONValue, string][] = [
    [{ op: "remove", path: "/q" }, "error in remove for path: '/q': Unable to remove nonexistent key: q: missing value"],
    [{ op: "add", path: "/q/r", value: 1 }, 'add operation does not apply: doc is missing path: "/q/r": missing value'],
    [{ op: "replace", path: "/l/7", value: 1 }, "replace operation does not apply: doc is missing key: /l/7: missing value"],
    [{ op: "add", path: "/l/7", value: 1 }, "error in add for path: '/l/7': Unable to access invalid index: 7: invalid index referenced"],
    [{ op: "test", path: "/a", value: 2 }, "testing value /a failed: test failed"],
    [{ op: "zap", path: "/a" }, "Unexpected kind: zap"],
    [{ op: "add" }, "add operation failed to decode path: missing value"],
    [{ op: "move", path: "/b" }, "move operation failed to decode from: operation, missing from field: missing value"],
    [{ op: "copy", path: "/b", from: 1 }, "copy operation failed to decode from: json: cannot unmarshal number into Go value of type string"],
    [{ op: "test", path: [] }, "test operation failed to decode path: json: cannot unmarshal array into Go value of type string"],
    [{ op: "add", path: 1, value: 1 }, "add operation failed to decode path: missing value"],
    [{ op: 1, path: "/b" }, "Unexpected kind: unknown"],
  ];
  for (const [operation, message] of messages)
    assert.throws(
      () => runJSONPatch({ a: 1, l: [1] }, [operation]),
      (error) => error instanceof JSONPatchError && error.message === message,
      message,
    );
  const apply = (patch: JSONValue, validated?: boolean): string => String(applyJSONPatch(encodeJSON({}), encodeJSON(patch), validated));
  assert.throws(() => apply({}), { message: "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp" });
  assert.throws(
    () => apply([{ op: "remove", path: "/a" }]),
    (error) => error instanceof StatusError && error.code === 422 && error.reason === "Invalid",
  );
  // What an operation does not need may have any type, unless the patch is validated first.
  const idle = [{ op: "add", path: "/a", value: 1, from: 1 }];
  assert.equal(apply(idle, false), '{"a":1}');
  const misread = "error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.from of type string";
  assert.throws(() => apply(idle), { message: misread });
  assert.throws(() => apply(["x"], false), { message: "json: cannot unmarshal string into Go value of type jsonpatch.Operation" });
  assert.throws(() => apply(Array(10_001).fill({ op: "test", path: "" })), /The allowed maximum operations in a JSON patch is 10000, got 10001/);
});

test("a test of a JSON patch compares how values are written, with what Go writes of the document", () => {
  const doc = freeze({ text: "<a>", whole: 1, big: 9007199254740993n, accent: "é", list: [{ a: "&" }] });
  const run = (text: string): JSONValue => parseJSON(patchJSON(encodeJSON(doc), Buffer.from(text))).value;
  const holds = (path: string, value: string): void => assert.deepEqual(run(`[{"op":"test","path":"${path}","value":${value}}]`), doc);
  const fails = (path: string, value: string): void =>
    assert.throws(() => run(`[{"op":"test","path":"${path}","value":${value}}]`), { message: `testing value ${path} failed: test failed` });
  holds("/text", String.raw`"\u003ca\u003e"`);
  fails("/text", '"<a>"');
  fails("/text", String.raw`"\u003Ca\u003E"`);
  holds("/whole", "1");
  fails("/whole", "1.0");
  holds("/big", "9007199254740993");
  fails("/big", "9007199254740992");
  holds("/accent", '"é"');
  fails("/accent", String.raw`"\u00e9"`);
  holds("/list", String.raw`[ {"a" : "\u0026"} ]`);
  fails("/list", '[{"a":"&"}]');
  // What the patch itself has put there is as the patch has it, until it is copied.
  const added = '{"op":"add","path":"/n","value":["<",1.0]}';
  assert.deepEqual(run(`[${added},{"op":"test","path":"/n","value":["<",1.0]}]`), { ...doc, n: ["<", 1] });
  const copied = `${added},{"op":"copy","from":"/n","path":"/m"}`;
  assert.throws(() => run(`[${copied},{"op":"test","path":"/m/0","value":"<"}]`), JSONPatchError);
  assert.deepEqual(run(String.raw`[${copied},{"op":"test","path":"/m","value":["\u003c",1.0]}]`), { ...doc, n: ["<", 1], m: ["<", 1] });
});

test("a missing key is replaced as if added, and __proto__ is a key like any other", () => {
  assert.deepEqual(runJSONPatch({}, [{ op: "replace", path: "/a", value: 1 }]), { a: 1 });
  const patched = applyMergePatch({}, JSON.parse('{"__proto__":{"a":1},"constructor":{"b":null}}') as JSONObject);
  assert.equal(JSON.stringify(patched), '{"__proto__":{"a":1},"constructor":{}}');
});

test("merge patches follow RFC 7386 and share what they do not touch", () => {
  const doc = freeze({ a: { b: 1, c: { d: 2 } }, l: [1], e: "x" });
  const patched = applyMergePatch(doc, { a: { b: null, n: { x: null, y: 1 } }, l: [{ z: null }], e: { f: 1 } });
  assert.deepEqual(patched, { a: { c: { d: 2 }, n: { y: 1 } }, l: [{}], e: { f: 1 } });
  assert.equal((patched.a as JSONObject).c, doc.a.c);
  assert.equal(applyMergePatch(doc, { a: { b: 1 }, zz: null }), doc);
  assert.throws(() => applyMergePatch(doc, [1]), {
    message: "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}",
  });
});

function anyValue(random: Random, depth = 0): JSONValue {
  const kind = random.int(depth > 3 ? 3 : 5);
  if (kind === 0) return random.int(5);
  if (kind === 1) return "abc".slice(0, random.int(4));
  if (kind === 2) return random.int(2) === 0;
  if (kind === 3) return Array.from({ length: random.int(3) }, () => anyValue(random, depth + 1));
  return Object.fromEntries(Array.from({ length: random.int(4) }, () => ["abcd"[random.int(4)] as string, anyValue(random, depth + 1)]));
}

test("a merge patch made of two documents turns one into the other", () => {
  const random = seededRandom(11);
  for (let i = 0; i < 2000; i++) {
    const before = { r: anyValue(random), s: anyValue(random) };
    const after = { r: anyValue(random), t: anyValue(random) };
    const patch = createMergePatch(before, after);
    assert.ok(equal(applyMergePatch(before, patch), after), JSON.stringify({ before, after, patch }));
    assert.deepEqual(createMergePatch(after, after), {});
  }
});

const doc = freeze({
  metadata: { name: "d", finalizers: ["x/a", "x/b"], labels: { a: "1" } },
  spec: {
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } },
    template: {
      spec: {
        volumes: [{ name: "v", emptyDir: {} }],
        tolerations: [{ key: "k" }],
        containers: [
          { name: "c1", image: "i1", env: [{ name: "A", value: "1" }], ports: [{ containerPort: 80, protocol: "TCP" }] },
          { name: "c2", image: "i2" },
        ],
      },
    },
  },
});
const patch = (value: JSONObject): JSONObject => {
  assert.ok(deployment);
  return applyStrategicMergePatch(deployment, doc as unknown as JSONObject, freeze(value));
};
const podPatch = (spec: JSONObject): Record<string, JSONValue[]> =>
  (((patch({ spec: { template: { spec } } }).spec as JSONObject).template as JSONObject).spec ?? {}) as Record<string, JSONValue[]>;
const names = (list: JSONValue[] | undefined): unknown[] => (list ?? []).map((item) => (item as JSONObject).name);

test("strategic merge goes by merge keys", () => {
  const spec = podPatch({ containers: [{ name: "c2", image: "new" }, { name: "c3" }], tolerations: [{ key: "z" }] });
  assert.deepEqual(names(spec.containers), ["c1", "c2", "c3"]);
  assert.equal((spec.containers as JSONObject[])[1]?.image, "new");
  assert.equal((spec.containers as JSONObject[])[0], doc.spec.template.spec.containers[0] as unknown);
  assert.deepEqual(spec.tolerations, [{ key: "z" }]);
  assert.deepEqual((patch({ metadata: { finalizers: ["x/c"] } }).metadata as JSONObject).finalizers, ["x/c", "x/a", "x/b"]);
});

test("strategic merge obeys its directives", () => {
  assert.deepEqual(names(podPatch({ containers: [{ name: "c1", $patch: "delete" }] }).containers), ["c2"]);
  assert.deepEqual(names(podPatch({ containers: [{ $patch: "replace" }, { name: "q" }] }).containers), ["q"]);
  assert.deepEqual(
    names(podPatch({ "$setElementOrder/containers": [{ name: "c2" }, { name: "n" }, { name: "c1" }], containers: [{ name: "n" }] }).containers),
    ["c2", "n", "c1"],
  );
  assert.deepEqual((patch({ metadata: { "$deleteFromPrimitiveList/finalizers": ["x/a"] } }).metadata as JSONObject).finalizers, ["x/b"]);
  assert.deepEqual(podPatch({ volumes: [{ name: "v", $retainKeys: ["name", "configMap"], configMap: { name: "m" } }] }).volumes, [
    { name: "v", configMap: { name: "m" } },
  ]);
  assert.deepEqual((patch({ spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } }).spec as JSONObject).strategy, { type: "Recreate" });
  assert.deepEqual((patch({ metadata: { labels: { $patch: "replace", c: "1" } } }).metadata as JSONObject).labels, { c: "1" });
  assert.deepEqual(podPatch({ $patch: "delete" }), {});
});

test("an order of elements is judged when what it orders is known", () => {
  const containers = (spec: JSONObject) => (): unknown => podPatch(spec).containers;
  const order = "$setElementOrder/containers";
  assert.throws(containers({ [order]: ["a"] }), { message: "value for key 0 is not a map" });
  assert.throws(containers({ [order]: [{ name: "c1" }, "a"] }), { message: "value for key 1 is not a map" });
  const both = [{ name: "c1" }, { name: "c2" }];
  assert.throws(containers({ [order]: [...both, "a"] }), { message: "expected a map[string]interface {}, but received a string" });
  assert.throws(containers({ [order]: [...both, {}] }), { message: "map: map[] does not contain declared merge key: name" });
  assert.throws(containers({ [order]: both, containers: ["a"] }), { message: "expected a map[string]interface {}, but received a string" });
  assert.throws(() => patch({ metadata: { "$setElementOrder/name": ["a"] } }), { message: "expected a []interface {}, but received a string" });
});

test("strategic merges that cannot be done get upstream's answer", () => {
  const answers: [JSONObject, number, string][] = [
    [{ spec: { template: { spec: { containers: [{ image: "x" }] } } } }, 500, "map: map[image:x] does not contain declared merge key: name"],
    [{ spec: { template: { spec: { $patch: "wat" } } } }, 500, "unknown patch type: wat in map: map[$patch:wat]"],
    [{ metadata: { $patch: null } }, 500, "unknown patch type: %!s(<nil>) in map: map[$patch:<nil>]"],
    [{ metadata: { $patch: ["a", 7, true] } }, 500, "unknown patch type: [a %!s(int64=7) %!s(bool=true)] in map: map[$patch:[a 7 true]]"],
    [{ metadata: { $retainKeys: "x" } }, 400, "invalid patch format of retainKeys"],
    [{ metadata: { $deleteFromPrimitiveList: ["x"] } }, 400, "invalid patch format of primitive list"],
    [{ metadata: { "$setElementOrder/finalizers": "x" } }, 500, "expected a []interface {}, but received a string"],
    [
      { spec: { template: { spec: { "$setElementOrder/containers": [{ name: "c2" }], containers: [{ name: "n" }] } } } },
      500,
      "The order in patch list:\n[map[name:n]]\n doesn't match $setElementOrder list:\n[map[name:c2]]\n",
    ],
  ];
  for (const [value, code, message] of answers)
    assert.throws(
      () => patch(value),
      (error) => error instanceof StatusError && error.code === code && error.message === message,
      message,
    );
});

test("a JSON patch sorts what it has opened, wherever that ends up, and nothing else", () => {
  const doc = freeze({
    z: 1,
    list: [
      { y: 1, a: { d: 1, c: 1 } },
      { y: 1, a: 1 },
    ],
    kept: { b: 1, a: 1 },
  });
  const shown = (...patch: JSONObject[]): string => patchJSON(encodeJSON(doc), encodeJSON(patch)).toString();
  const rest = '"kept":{"b":1,"a":1}';
  assert.equal(
    shown({ op: "add", path: "/list/0/y", value: 2 }, { op: "add", path: "/list/0", value: "new" }),
    `{${rest},"list":["new",{"a":{"d":1,"c":1},"y":2},{"y":1,"a":1}],"z":1}`,
  );
  assert.equal(shown({ op: "test", path: "/list/0", value: doc.list[0] as JSONValue }), `{${rest},"list":[{"a":{"c":1,"d":1},"y":1},{"y":1,"a":1}],"z":1}`);
  assert.equal(
    shown({ op: "copy", from: "/list", path: "/m" }, { op: "test", path: "/list/1/a", value: 1 }),
    `{${rest},"list":[{"y":1,"a":{"d":1,"c":1}},{"a":1,"y":1}],"m":[{"y":1,"a":{"d":1,"c":1}},{"y":1,"a":1}],"z":1}`,
  );
  // The way to where a copy goes is opened before it is taken.
  const inner = '{"d":1,"c":1}';
  assert.equal(shown({ op: "copy", from: "/list/0", path: "/list/0/y" }), `{${rest},"list":[{"a":${inner},"y":{"a":${inner},"y":1}},{"y":1,"a":1}],"z":1}`);
});

test("a struct that shows no fields is called by its name", () => {
  const type = typeOfKind("apps/v1", "ControllerRevision");
  assert.ok(type);
  assert.throws(() => applyStrategicMergePatch(type, { data: { a: 1 } }, { data: { "$setElementOrder/nope": ["a"] } }), {
    message: 'unable to find api field in struct RawExtension for the json field "nope"',
  });
});

test("a strategic patch that changes nothing returns the document itself", () => {
  assert.equal(
    patch({ metadata: { labels: { a: "1", gone: null } }, spec: { template: { spec: { containers: [{ name: "c1", image: "i1" }] } } } }),
    doc as unknown,
  );
});

test("what a patch adds is not copied where nothing is to be taken out of it", () => {
  const added = { list: [{ a: 1 }, null, { b: null, c: { d: 1 } }] };
  const merged = applyMergePatch({}, { added, kept: added.list[0] as JSONObject });
  assert.deepEqual(merged.added, { list: [{ a: 1 }, null, { c: { d: 1 } }] });
  assert.equal(((merged.added as JSONObject).list as JSONValue[])[0], added.list[0]);
  assert.equal(merged.kept, added.list[0]);
});

test("what nobody opens is shown as it is written, bytes that are no UTF-8 included", () => {
  const latin = (text: string): Buffer => Buffer.from(text, "latin1");
  const doc = latin('{"b":1,"spec":{"z":"<","list":[{"y":1,"x":2}]},"a":0}');
  const patch = latin('[{"op":"add","path":"/spec/n","value":{"1":1.50, "b":"a\\/\xff","b":"&"}}]');
  assert.equal(
    patchJSON(doc, patch).toString("latin1"),
    '{"a":0,"b":1,"spec":{"list":[{"y":1,"x":2}],"n":{"1":1.50,"b":"a\\/\xff","b":"\\u0026"},"z":"\\u003c"}}',
  );
  const merge = latin('{"spec":{"list":[{"q":1e3, "p":null,"q":1.50}],"z":"\\u0041"}}');
  assert.equal(Buffer.from(mergePatchText(doc, merge)).toString("latin1"), '{"a":0,"b":1,"spec":{"list":[{"q":1.50}],"z":"\\u0041"}}');
  assert.equal(mergePatchText(doc, latin('[{"a":null}, null ]')).toString(), "[{},null]");
  assert.throws(() => mergePatchText(doc, latin('"x"')), { message: "Invalid JSON Patch" });
});

test("texts are merged into what values are merged into", () => {
  const random = seededRandom(7);
  const some = (): JSONValue => JSON.parse(JSON.stringify({ r: anyValue(random), s: anyValue(random) }, (_, value) => (random.int(6) ? value : null)) ?? "{}");
  for (let i = 0; i < 1000; i++) {
    const [before, change] = [{ a: some() }, { a: some() }];
    const merged = parseJSON(mergePatchText(encodeJSON(before), encodeJSON(change))).value;
    assert.deepEqual(merged, applyMergePatch(before, change), JSON.stringify({ before, change }));
  }
});

test("a field of an operation that is repeated is judged each time", () => {
  const patch = '[{"op":"remove","path":5,"path":"/a"}]';
  assert.throws(
    () => applyJSONPatch(Buffer.from('{"a":1}'), Buffer.from(patch)),
    /cannot unmarshal number into Go struct field jsonPatchOp\.path of type string/,
  );
  assert.equal(applyJSONPatch(Buffer.from('{"a":1}'), Buffer.from(patch), false).toString(), "{}");
});
