import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { typeOfKind } from "../schema/schema.ts";
import { decodeCBOR } from "./cbor.ts";
import { decodeJSON, sniffJSON } from "./decode.ts";
import { DecodeError } from "./decode-error.ts";
import type { JSONValue } from "../json.ts";
import { encodeJSONString, parseJSON, sortKeys, withSortedKeys } from "./json.ts";
import { normalize } from "./normalize.ts";

const type = (apiVersion: string, kind: string) => {
  const found = typeOfKind(apiVersion, kind);
  assert.ok(found);
  return found;
};
const deployment = type("apps/v1", "Deployment");
const pod = type("v1", "Pod");
const configMap = type("v1", "ConfigMap");
const fails = (run: () => unknown, message: string): void => {
  assert.throws(run, (error) => {
    assert.ok(error instanceof DecodeError, String(error));
    assert.equal(error.message, message);
    return true;
  });
};

test("half a character becomes a mark, in keys as well, and a whole one stays", () => {
  assert.deepEqual(parseJSON('{"\\ud800a":["\\uDFFF","\\ud83d\\ude00"],"b":"\\ud800\\ud800"}').value, {
    "\ufffda": ["\ufffd", "\u{1f600}"],
    b: "\ufffd\ufffd",
  });
});

test("malformed text is refused in Go's words", () => {
  for (const [text, message] of [
    ["", "unexpected end of JSON input"],
    ["  ", "unexpected end of JSON input"],
    ['{"a', "unexpected end of JSON input"],
    ["{", "unexpected end of JSON input"],
    ["x", "invalid character 'x' looking for beginning of value"],
    ["{'a'", "invalid character '\\'' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b"}', "invalid character '\"' after object key:value pair"],
    ["[1 2]", "invalid character '2' after array element"],
    ["1 2", "invalid character '2' after top-level value"],
    ["[01]", "invalid character '1' after array element"],
    ["tru3", "invalid character '3' in literal true (expecting 'e')"],
    ["-x", "invalid character 'x' in numeric literal"],
    ["1.x", "invalid character 'x' after decimal point in numeric literal"],
    ["1e", "invalid character ' ' in exponent of numeric literal"],
    ['"\\x"', "invalid character 'x' in string escape code"],
    ['"\\u12x4"', "invalid character 'x' in \\u hexadecimal character escape"],
    ['"a\nb"', "invalid character '\\n' in string literal"],
    ["é", "invalid character 'Ã' looking for beginning of value"],
    ["[".repeat(10_001), "invalid character '[' exceeded max depth"],
    [`${"[".repeat(100_000)}${"]".repeat(100_000)}`, "invalid character '[' exceeded max depth"],
  ] as const) {
    fails(() => parseJSON(text), message);
    fails(() => decodeJSON(text, pod), message);
  }
});

test("repeated keys are reported by path, once, and the last wins", () => {
  const { value, duplicates } = parseJSON('{"a":1,"b":[{"c":1,"c":2,"c":3}],"a":4}');
  assert.deepEqual(value, { a: 4, b: [{ c: 3 }] });
  assert.deepEqual(duplicates, ['duplicate field "b[0].c"', 'duplicate field "a"']);
  assert.deepEqual(parseJSON('{"":{"a":1,"a":2}}').duplicates, ['duplicate field ".a"']);
});

test("integers keep 64 bits and prototype keys are ordinary keys", () => {
  const { value } = parseJSON('{"a":9223372036854775807,"__proto__":{"polluted":true},"constructor":1}');
  assert.equal(encodeJSONString(value), '{"a":9223372036854775807,"__proto__":{"polluted":true},"constructor":1}');
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
  const { object } = decodeJSON('{"data":{"__proto__":"x","constructor":"y","9":"a","10":"b","<":"&"}}', configMap);
  assert.equal(encodeJSONString(object), '{"metadata":{},"data":{"10":"b","9":"a","\\u003c":"\\u0026","__proto__":"x","constructor":"y"}}');
});

test("an own key named like a method of Object is an unknown field", () => {
  assert.deepEqual(decodeJSON('{"constructor":{},"toString":1}', configMap).strictErrors, ['unknown field "constructor"', 'unknown field "toString"']);
});

test("unknown and repeated fields are reported in the order of the text with upstream's paths", () => {
  const text =
    '{"spec":{"foo":1,"template":{"spec":{"containers":[{"name":"a","nam":1,"name":"b"}]}}},"metadata":{"labels":{"a":"b","a":"c"}},"spec":{"x":{"y":1,"y":2}}}';
  const { object, strictErrors } = decodeJSON(text, deployment);
  assert.deepEqual(strictErrors, [
    'unknown field "spec.foo"',
    'unknown field "spec.template.spec.containers[0].nam"',
    'duplicate field "spec.template.spec.containers[0].name"',
    'duplicate field "metadata.labels.a"',
    'duplicate field "spec"',
    'unknown field "spec.x"',
  ]);
  assert.match(encodeJSONString(object), /"containers":\[\{"name":"b","resources":\{\}\}\]/);
});

test("values of the wrong type are refused in the words of a kube-apiserver", () => {
  for (const [body, into, message] of [
    ['{"spec":{"replicas":"3"}}', deployment, "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"],
    ['{"spec":{"replicas":1.5}}', deployment, "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32"],
    ['{"spec":{"replicas":3e0}}', deployment, "json: cannot unmarshal number 3e0 into Go struct field DeploymentSpec.spec.replicas of type int32"],
    [
      '{"spec":{"replicas":99999999999999999999}}',
      deployment,
      "json: cannot unmarshal number 99999999999999999999 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      '{"spec":{"template":{"spec":{"volumes":[{"hostPath":3}]}}}}',
      deployment,
      "json: cannot unmarshal number into Go struct field Volume.spec.template.spec.volumes.VolumeSource.hostPath of type v1.HostPathVolumeSource",
    ],
    [
      '{"spec":{"restartPolicy":5,"dnsPolicy":6}}',
      pod,
      "json: cannot unmarshal number into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy",
    ],
    ['{"metadata":1}', pod, "json: cannot unmarshal number into Go struct field Pod.metadata of type v1.ObjectMeta"],
    ['{"binaryData":{"a":"a=b"}}', configMap, "illegal base64 data at input byte 1"],
    ['{"binaryData":{"a":"a\\nb\\n"}}', configMap, "illegal base64 data at input byte 2"],
    ['{"binaryData":{"a":"abcde"}}', configMap, "illegal base64 data at input byte 4"],
    ['{"data":{"a":[-1e999]}}', configMap, "json: cannot unmarshal array into Go struct field ConfigMap.data of type string"],
    ['{"data":{"a":1e400}}', configMap, "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"],
    ['{"spec":{"replicas":1e400}}', deployment, "json: cannot unmarshal number 1e400 into Go struct field DeploymentSpec.spec.replicas of type int32"],
    ['{"data":{"a":5}}', configMap, "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"],
    ['{"metadata":{"labels":[]}}', configMap, "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string"],
    ['{"metadata":{"creationTimestamp":"abc"}}', pod, 'parsing time "abc" as "2006-01-02T15:04:05Z07:00": cannot parse "abc" as "2006"'],
    ["[]", deployment, "json: cannot unmarshal array into Go value of type v1.Deployment"],
  ] as const) {
    fails(() => decodeJSON(body, into), message);
  }
});

test("what a text says it is is read, or refused in a kube-apiserver's words", () => {
  assert.deepEqual(sniffJSON('{"kind":"Pod","apiVersion":"v1"}'), { apiVersion: "v1", kind: "Pod" });
  assert.deepEqual(sniffJSON('{"Kind":"Pod","APIVERSION":"v1","a":1e400}'), { apiVersion: "v1", kind: "Pod" });
  for (const [text, words] of [
    ['{"kind":tru', "invalid character ' ' in literal true (expecting 'e')"],
    ['{"kind":-', "invalid character ' ' in numeric literal"],
    ['{"kind":"\\', "invalid character ' ' in string escape code"],
    ['{"kind":"a', "unexpected end of JSON input"],
    ['{"kind":1', "unexpected end of JSON input"],
  ] as const)
    fails(() => sniffJSON(text), `couldn't get version/kind; json parse error: ${words}`);
  const twice = "couldn't get version/kind; json parse error: json: cannot unmarshal bool into Go struct field .kind of type string";
  fails(() => sniffJSON('{"kind":true,"kind":"Pod","apiVersion":1}'), twice);
  fails(() => sniffJSON('{"kind":1}'), "couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string");
  fails(
    () => sniffJSON("[]"),
    'couldn\'t get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }',
  );
});

test("normalising drops what Go drops, keeps what Go keeps, in Go's order", () => {
  const { object, unknown } = normalize(pod, {
    spec: { containers: [{ resources: { limits: { cpu: "1000m", memory: 1024 } }, name: "c", args: [], env: null }], nodeName: "" },
    kind: "Pod",
    metadata: { labels: {}, creationTimestamp: null, name: "p", deletionTimestamp: "2020-01-01T02:00:00+01:00" },
    apiVersion: "v1",
    extra: 1,
  });
  assert.deepEqual(unknown, ['unknown field "extra"']);
  assert.equal(
    encodeJSONString(object),
    '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","deletionTimestamp":"2020-01-01T01:00:00Z"},"spec":{"containers":[{"name":"c","resources":{"limits":{"cpu":"1","memory":"1024"}}}]},"status":{}}',
  );
});

test("what a pointer, a list of bytes or a choice holds stays apart from nothing", () => {
  const crd = type("apiextensions.k8s.io/v1", "CustomResourceDefinition");
  const secret = type("v1", "Secret");
  assert.equal(encodeJSONString(normalize(secret, { data: { a: null, b: "" } }).object), '{"metadata":{},"data":{"a":null,"b":""}}');
  assert.match(encodeJSONString(normalize(pod, { metadata: { deletionTimestamp: "0001-01-01T00:00:00Z" } }).object), /"metadata":\{"deletionTimestamp":null\}/);
  const items = { spec: { versions: [{ schema: { openAPIV3Schema: { items: [] } } }] } };
  assert.match(encodeJSONString(normalize(crd, items).object), /"openAPIV3Schema":\{"items":null\}/);
});

test("normalising twice changes nothing and does not share its lists with the input", () => {
  const input = { metadata: { finalizers: ["a"] }, spec: { containers: [] } };
  const once = normalize(pod, input).object;
  assert.deepEqual(normalize(pod, once).object, once);
  (once.metadata as { finalizers: string[] }).finalizers.push("b");
  assert.deepEqual(input.metadata.finalizers, ["a"]);
});

test("the choices in a CustomResourceDefinition's schema are read as either form", () => {
  const crd = type("apiextensions.k8s.io/v1", "CustomResourceDefinition");
  const schema = { additionalProperties: false, items: [{ type: "string" }], dependencies: { a: ["b"], c: { type: "object" } }, default: { z: 1, a: [1.5] } };
  const { object } = normalize(crd, {
    spec: { versions: [{ name: "v1", schema: { openAPIV3Schema: { ...schema, not: { additionalProperties: { type: "string" } } } } }] },
  });
  assert.match(
    encodeJSONString(object),
    /"openAPIV3Schema":\{"default":\{"z":1,"a":\[1.5\]\},"items":\[\{"type":"string"\}\],"not":\{"additionalProperties":\{"type":"string"\}\},"additionalProperties":false,"dependencies":\{"a":\["b"\],"c":\{"type":"object"\}\}\}/,
  );
});

test("deep free-form values neither overflow nor escape as other errors", () => {
  const deep = `{"spec":{"versions":[{"schema":{"openAPIV3Schema":${'{"items":'.repeat(4000)}{}${"}".repeat(4000)}}}]}}`;
  try {
    decodeJSON(deep, type("apiextensions.k8s.io/v1", "CustomResourceDefinition"));
  } catch (error) {
    assert.ok(error instanceof DecodeError, String(error));
  }
});

test("bodies are as deep as the stack is large: upstream's 10,000 levels with 6 MB", () => {
  const read = `
    const { decodeJSON } = await import(${JSON.stringify(new URL("./decode.ts", import.meta.url).href)});
    const deep = (levels) => {
      try {
        decodeJSON('{"a":' + "[".repeat(levels - 1) + "]".repeat(levels - 1) + "}", undefined);
        return "read";
      } catch (error) {
        return error.message;
      }
    };
    console.log(JSON.stringify([1000, 1001, 10_000, 10_001].map(deep)));`;
  const answers = (...flags: string[]): unknown =>
    JSON.parse(
      execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", ...flags, "--input-type=module", "--eval", read], { encoding: "utf8" }),
    );
  const [tooDeep, upstreams] = ["exceeded max depth", "invalid character '[' exceeded max depth"];
  assert.deepEqual(answers(), ["read", tooDeep, tooDeep, upstreams]);
  assert.deepEqual(answers("--stack-size=6144"), ["read", "read", "read", upstreams]);
});

test("a body of nothing but empty objects is refused before it is made into them", () => {
  assert.throws(() => decodeJSON(`[${"{},".repeat(300_000)}{}]`, undefined), new DecodeError("more than 250000 objects, lists, fields and fractions", true));
  assert.throws(() => decodeJSON(`{"a":[${"1.5,".repeat(300_000)}1]}`, undefined), /more than 250000 objects, lists, fields and fractions/);
  assert.equal((decodeJSON(`{"a":[${"1,".repeat(300_000)}1]}`, undefined).object.a as unknown[]).length, 300_001);
  assert.throws(() => decodeJSON(`{${'"a":1,'.repeat(300_000)}"a":1}`, undefined), DecodeError);
  assert.equal((parseJSON(`[${"{},".repeat(300_000)}{}]`).value as unknown[]).length, 300_001);
  assert.throws(() => decodeCBOR(Buffer.alloc(3_000_000, 0x80).fill(0x9f, 0, 1)), DecodeError);
});

test("a number that no float holds is refused, written as it was", () => {
  for (const text of ["1e999", "-1e400", `1${"0".repeat(400)}`])
    assert.throws(() => parseJSON(`{"a":[${text}]}`), new DecodeError(`json: cannot unmarshal number ${text} into Go value of type float64`));
  assert.deepEqual(parseJSON('{"a":1e-999}').value, { a: 0 });
});

test("keys that are sorted already are shared, others are sorted as all others are", () => {
  const texts = [
    '{"a":{"b":1,"c":[{"d":1,"e":2}]},"f":null}',
    '{"b":{"x":1},"a":[{"d":{"z":{"y":1,"x":2}},"c":1}],"__proto__":{"b":1,"a":2}}',
    '{"a":{"b":{"c":{"d":{"e":{"g":1,"f":2}}}}},"é":1,"z":{}}',
  ];
  for (const text of texts) {
    const value = JSON.parse(text) as JSONValue;
    assert.equal(JSON.stringify(withSortedKeys(value)), JSON.stringify(sortKeys(value)), text);
  }
  const [sorted, other] = texts.map((text) => JSON.parse(text) as { [key: string]: JSONValue });
  assert.equal(withSortedKeys(sorted as JSONValue), sorted);
  assert.equal((withSortedKeys(other as JSONValue) as { b: JSONValue }).b, other?.b);
  assert.deepEqual(withSortedKeys({ b: 1, a: undefined } as unknown as JSONValue), { b: 1 });
});
