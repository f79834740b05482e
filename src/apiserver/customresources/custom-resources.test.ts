import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import test, { after, before } from "node:test";
import type { ApiResponse } from "../../api/exchange.ts";
import type { KubeObject, WatchEvent } from "../../api/object.ts";
import { VirtualClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import { seededRandom } from "../../base/random.ts";
import { memoryStore } from "../../store/memory.ts";
import { type AssembledServer, assembleApiServer } from "../assemble.ts";

const clock = new VirtualClock();
const store = memoryStore({ clock });
const user = { name: "admin", groups: ["system:masters", "system:authenticated"] };
let api: AssembledServer;

before(async () => {
  const serviceAccountKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const options = { clock, random: seededRandom(1), logger: silentLogger, store, serviceAccountKey };
  api = await assembleApiServer({ ...options, serviceAccountIssuer: "https://kubernetes.default.svc", serviceRanges: ["10.96.0.0/24"] });
});
after(async () => {
  await api[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
});

interface Answer extends KubeObject {
  code?: number;
  message?: string;
  reason?: string;
  spec?: Record<string, unknown>;
  status?: { conditions?: { type: string; status: string; reason: string }[]; storedVersions?: string[]; replicas?: number };
  items?: Answer[];
  resources?: { name: string }[];
  details?: { causes?: { field: string; message: string }[] };
}

function send(
  method: string,
  target: string,
  object?: object,
  headers: Record<string, string> = {},
  signal = new AbortController().signal,
): Promise<ApiResponse> {
  const [path = "", query = ""] = target.split("?");
  return api.server.handler({
    method,
    path,
    query: new URLSearchParams(query),
    headers: { "user-agent": "test/1", ...headers },
    ...(object === undefined ? {} : { object }),
    asObject: true,
    user,
    remoteAddress: "127.0.0.1",
    signal,
  });
}
async function answer(
  method: string,
  target: string,
  object?: object,
  headers?: Record<string, string>,
): Promise<Answer & { http: number; warnings: string[] }> {
  const response = await send(method, target, object, headers);
  return { ...(response.object as Answer), http: response.status, warnings: response.warnings ?? [] };
}

const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const schema = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      properties: { color: { type: "string" }, size: { type: "integer", default: 1 }, kept: { type: "string" } },
      "x-kubernetes-validations": [{ rule: "!has(self.color) || self.color != 'pink'", message: "no pink" }],
    },
    status: { type: "object", properties: { replicas: { type: "integer" } } },
  },
};
const version = (name: string, more: object = {}): object => ({
  name,
  served: true,
  storage: name === "v1",
  schema: { openAPIV3Schema: schema },
  subresources: { status: {}, scale: { specReplicasPath: ".spec.size", statusReplicasPath: ".status.replicas" } },
  selectableFields: [{ jsonPath: ".spec.color" }],
  ...more,
});
const definition = (plural: string, kind: string, more: object = {}): object => ({
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: `${plural}.example.com` },
  spec: { group: "example.com", scope: "Namespaced", names: { plural, kind }, versions: [version("v1"), version("v2")], ...more },
});
const until = async (target: string, done: (found: Answer & { http: number }) => boolean): Promise<Answer> => {
  for (let turn = 0; turn < 1000; turn++) {
    const found = await answer("GET", target);
    if (done(found)) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`${target} never became as it should`);
};
const condition = (found: Answer, type: string): string | undefined => found.status?.conditions?.find((one) => one.type === type)?.status;
const defined = async (plural: string, kind: string, more?: object): Promise<Answer> => {
  const { http, message } = await answer("POST", crds, definition(plural, kind, more));
  assert.equal(http, 201, message);
  return until(`${crds}/${plural}.example.com`, (found) => condition(found, "Established") === "True");
};
const at = (plural: string, name = "", of = "v1"): string => `/apis/example.com/${of}/namespaces/default/${plural}${name && `/${name}`}`;
const object = (kind: string, name: string, spec: object, of = "v1"): object => ({ apiVersion: `example.com/${of}`, kind, metadata: { name }, spec });

test("a definition is established, and its resource is served, discovered, defaulted, pruned and judged without a restart", async () => {
  const found = await defined("things", "Thing");
  assert.deepEqual(found.status?.storedVersions, ["v1"]);
  assert.deepEqual(
    (await answer("GET", "/apis/example.com/v1")).resources?.map(({ name }) => name),
    ["things", "things/status", "things/scale"],
  );
  const made = await answer("POST", at("things"), object("Thing", "a", { color: "red", unknown: 1 }));
  assert.equal(made.http, 201);
  assert.deepEqual(made.spec, { color: "red", size: 1 });
  assert.equal(made.metadata.generation, 1);
  assert.deepEqual(made.warnings, ['unknown field "spec.unknown"']);
  const refused = await answer("POST", at("things"), object("Thing", "b", { color: "pink" }));
  assert.deepEqual([refused.http, refused.message], [422, 'Thing.example.com "b" is invalid: spec: Invalid value: no pink']);
});

test("other versions see the same object, and what was stored shows what the schema says now", async () => {
  await defined("parts", "Part");
  await answer("POST", at("parts"), object("Part", "a", { color: "red", kept: "x" }));
  const other = await answer("GET", at("parts", "a", "v2"));
  assert.deepEqual([other.apiVersion, other.spec], ["example.com/v2", { color: "red", kept: "x", size: 1 }]);
  const current = await answer("GET", `${crds}/parts.example.com`);
  const narrow = {
    ...schema,
    properties: { spec: { type: "object", properties: { color: { type: "string" }, shape: { type: "string", default: "round" } } } },
  };
  const next = { ...version("v1", { schema: { openAPIV3Schema: narrow } }) };
  const { http: _http, warnings: _warnings, ...written } = current;
  const changed = await answer("PUT", `${crds}/parts.example.com`, {
    ...written,
    spec: { ...current.spec, versions: [next, version("v2", { selectableFields: [{ jsonPath: ".spec.kept" }] })] },
  });
  assert.equal(changed.message, undefined);
  assert.deepEqual((await answer("GET", at("parts", "a"))).spec, { color: "red", shape: "round" });
});

test("selectable fields select, in lists and in watches", async () => {
  await defined("picks", "Pick");
  for (const [name, color] of [
    ["a", "red"],
    ["b", "blue"],
  ] as const)
    await answer("POST", at("picks"), object("Pick", name, { color }));
  const list = await answer("GET", `${at("picks")}?fieldSelector=spec.color%3Dblue`);
  assert.deepEqual(
    list.items?.map(({ metadata }) => metadata.name),
    ["b"],
  );
  const stop = new AbortController();
  const { events } = await send("GET", `${at("picks")}?watch=true&fieldSelector=spec.color%3Dred`, undefined, {}, stop.signal);
  const seen = (events as AsyncIterable<WatchEvent>)[Symbol.asyncIterator]();
  assert.equal((await seen.next()).value?.object.metadata.name, "a");
  await answer("PATCH", at("picks", "a"), { spec: { color: "blue" } }, { "content-type": "application/merge-patch+json" });
  assert.equal((await seen.next()).value?.type, "DELETED");
  stop.abort();
});

test("a name that is taken is not accepted until it is free", async () => {
  await defined("firsts", "Taken");
  assert.equal((await answer("POST", crds, definition("seconds", "Taken"))).http, 201);
  const waiting = await until(`${crds}/seconds.example.com`, (found) => condition(found, "NamesAccepted") === "False");
  assert.equal(waiting.status?.conditions?.find(({ type }) => type === "NamesAccepted")?.reason, "ListKindConflict");
  assert.equal((await answer("GET", at("seconds"))).http, 404);
  const other = definition("thirds", "Taken", { versions: [version("v1alpha1", { storage: true })] });
  assert.equal((await answer("POST", crds, other)).http, 201);
  await until(`${crds}/thirds.example.com`, (found) => condition(found, "NamesAccepted") === "False");
  const nowhere = await send("GET", "/apis/example.com/v1alpha1");
  assert.deepEqual([nowhere.status, String(nowhere.body)], [404, "404 page not found\n"]);
  await answer("DELETE", `${crds}/thirds.example.com`);
  await answer("DELETE", `${crds}/firsts.example.com`);
  await until(`${crds}/seconds.example.com`, (found) => condition(found, "Established") === "True");
});

test("a definition that is deleted takes its objects with it, and may come again with another scope", async () => {
  await defined("ends", "End");
  await answer("POST", at("ends"), object("End", "a", {}));
  const deleted = await answer("DELETE", `${crds}/ends.example.com`);
  assert.deepEqual(deleted.metadata.finalizers, ["customresourcecleanup.apiextensions.k8s.io"]);
  await until(`${crds}/ends.example.com`, ({ http }) => http === 404);
  assert.equal((await answer("GET", "/apis/example.com/v1/ends")).http, 404);
  await defined("ends", "End", { scope: "Cluster" });
  assert.equal((await answer("POST", "/apis/example.com/v1/ends", object("End", "a", {}))).http, 201);
  assert.equal((await answer("GET", "/apis/example.com/v1/ends")).items?.length, 1);
});

test("replicas are scaled where the definition says they are", async () => {
  await defined("scales", "Scaled");
  await answer("POST", at("scales"), object("Scaled", "a", { size: 2 }));
  assert.deepEqual((await answer("GET", `${at("scales", "a")}/scale`)).spec, { replicas: 2 });
  await answer("PATCH", `${at("scales", "a")}/scale`, { spec: { replicas: 5 } }, { "content-type": "application/merge-patch+json" });
  assert.deepEqual((await answer("GET", at("scales", "a"))).spec, { size: 5 });
});

test("each version that is served has its APIService, as long as it is served", async () => {
  const of = (name: string): string => `/apis/apiregistration.k8s.io/v1/apiservices/${name}`;
  const made = { ...definition("locals", "Local", { group: "local.example.com", versions: [version("v1"), version("v2", { served: false })] }) };
  assert.equal((await answer("POST", crds, { ...made, metadata: { name: "locals.local.example.com" } })).http, 201);
  const found = await until(of("v1.local.example.com"), ({ http }) => http === 200);
  assert.deepEqual(found.spec, { group: "local.example.com", groupPriorityMinimum: 1000, version: "v1", versionPriority: 100 });
  assert.equal((await answer("GET", of("v2.local.example.com"))).http, 404);
  await answer("DELETE", `${crds}/locals.local.example.com`);
  await until(of("v1.local.example.com"), ({ http }) => http === 404);
});

const apply = { "content-type": "application/apply-patch+yaml" };

test("no Scale is applied that says anything else than there is", async () => {
  await defined("appliedscales", "AppliedScale");
  const place = `${at("appliedscales", "a")}/scale?fieldManager=m&force=true`;
  const scale = (replicas: number, kind = "Scale") =>
    answer("PATCH", place, { apiVersion: "autoscaling/v1", kind, metadata: { name: "a" }, spec: { replicas } }, apply);
  await answer("POST", at("appliedscales"), object("AppliedScale", "a", {}));
  const merge = { "content-type": "application/merge-patch+json" };
  assert.equal((await answer("PATCH", at("appliedscales", "a"), { metadata: { managedFields: [{}] } }, merge)).http, 200);
  const why = "; autoscaling/v1, Kind=Scale) to proper version: request to convert CR to an invalid group/version: autoscaling/v1";
  assert.equal((await scale(2)).message, `failed to create manager for existing fields: failed to convert live object (/${why}`);
  assert.equal((await scale(2, "Other")).message, "invalid object type: autoscaling/v1, Kind=Other");
  assert.equal((await answer("PATCH", `${at("appliedscales", "a")}?fieldManager=m&force=true`, object("AppliedScale", "a", { size: 2 }), apply)).http, 200);
  assert.equal((await scale(3)).message, `failed to convert new object (/a${why}`);
  assert.deepEqual([(await scale(2)).http, (await answer("GET", at("appliedscales", "a"))).spec], [200, { size: 2 }]);
});

test("replicas that the schema does not know are lost", async () => {
  const scale = { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" };
  await defined("losses", "Loss", { versions: [version("v1", { subresources: { scale } })] });
  await answer("POST", at("losses"), object("Loss", "a", {}));
  const scaled = await answer(
    "PATCH",
    `${at("losses", "a")}/scale?fieldManager=m`,
    { spec: { replicas: 5 } },
    { "content-type": "application/merge-patch+json" },
  );
  assert.deepEqual([scaled.http, scaled.spec], [200, {}]);
  assert.deepEqual((await answer("GET", at("losses", "a"))).spec, { size: 1 });
});

test("a scale tells of a status that it cannot read before it misses replicas", async () => {
  const free = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  const scale = { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas", labelSelectorPath: ".status.selector" };
  const same = { schema: { openAPIV3Schema: free }, selectableFields: [] };
  await defined("words", "Words", { versions: [version("v1", { ...same, subresources: {} }), version("v2", { ...same, subresources: { scale } })] });
  const made = await answer("POST", at("words"), { ...object("Words", "a", {}), status: "x" });
  assert.equal(made.http, 201, made.message);
  const shown = await answer("GET", `${at("words", "a", "v2")}/scale`);
  assert.equal(shown.message, ".status.replicas accessor error: x is of the type string, expected map[string]interface{}");
});

test("an apply that leaves nothing in a map leaves null, which is judged and not kept", async () => {
  const strict = { ...schema, required: ["spec"], properties: { ...schema.properties, spec: { type: "object", properties: { color: { type: "string" } } } } };
  await defined("nulls", "Null", { versions: [version("v1", { schema: { openAPIV3Schema: strict } })] });
  assert.equal((await answer("PATCH", `${at("nulls", "a")}?fieldManager=m`, object("Null", "a", { color: "red" }), apply)).http, 201);
  const emptied = await answer("PATCH", `${at("nulls", "a")}?fieldManager=m`, object("Null", "a", {}), apply);
  assert.deepEqual([emptied.http, emptied.details?.causes?.[0]?.message], [422, 'Invalid value: "null": spec in body must be of type object: "null"']);
  const nothing = { apiVersion: "example.com/v1", kind: "Null", metadata: { name: "a" }, status: null };
  const unchanged = await answer("PATCH", `${at("nulls", "a")}/status?fieldManager=s`, nothing, apply);
  assert.deepEqual([unchanged.http, "status" in unchanged], [200, false]);
});

test("an apply that changes nothing brings no defaults", async () => {
  const none = { ...schema, properties: { spec: { type: "object", properties: { color: { type: "string" } } } } };
  const versions = [version("v1", { schema: { openAPIV3Schema: none } }), version("v2", { selectableFields: [] })];
  await defined("sames", "Same", { versions });
  await answer("PATCH", `${at("sames", "a", "v2")}?fieldManager=m`, object("Same", "a", { color: "red" }, "v2"), apply);
  const again = await answer("PATCH", `${at("sames", "a", "v2")}?fieldManager=m`, object("Same", "a", { color: "red" }, "v2"), apply);
  assert.deepEqual([again.spec, again.metadata.generation], [{ color: "red" }, 1]);
});

test("rules that unchanged parts break are warned of, be the update refused or not", async () => {
  const not = (value: string): object => ({ type: "string", "x-kubernetes-validations": [{ rule: `self != '${value}'`, reason: "FieldValueForbidden" }] });
  const strict = { type: "object", properties: { spec: { type: "object", properties: { color: not("red"), kept: not("x") } } } };
  await defined("olds", "Old", { versions: [version("v1"), version("v2", { schema: { openAPIV3Schema: strict }, selectableFields: [], subresources: {} })] });
  assert.equal((await answer("POST", at("olds"), object("Old", "a", { color: "red", kept: "y" }))).http, 201);
  for (const [kept, code] of [["x", 422] as const, ["z", 200] as const]) {
    const changed = await answer("PATCH", at("olds", "a", "v2"), { spec: { kept } }, { "content-type": "application/merge-patch+json" });
    assert.deepEqual([changed.http, changed.warnings], [code, ["spec.color: Forbidden: failed rule: self != 'red'"]]);
  }
});

test("who patches in a way that there is not is warned of a deprecated version all the same", async () => {
  await defined("plains", "Plain", { versions: [version("v1", { deprecated: true, deprecationWarning: "go away" })] });
  await answer("POST", at("plains"), object("Plain", "a", {}));
  const refused = await answer("PATCH", at("plains", "a"), {}, { "content-type": "application/strategic-merge-patch+json" });
  assert.deepEqual([refused.http, refused.warnings], [415, ["go away"]]);
});

test("a status of another kind is judged under the name that it gives itself, and has no owners", async () => {
  await defined("others", "Other", { versions: [version("v1")] });
  await answer("POST", at("others"), object("Other", "a", {}));
  const { resourceVersion } = (await answer("GET", at("others", "a"))).metadata;
  const sent = (status: object): object => ({ apiVersion: "example.com/v1", kind: "Strange", metadata: { name: "a", resourceVersion }, status });
  const refused = await answer("PUT", `${at("others", "a")}/status`, sent({ replicas: "x" }));
  assert.match(refused.message ?? "", /^Strange\.example\.com "a" is invalid: \[status\.replicas/);
  const taken = await answer("PUT", `${at("others", "a")}/status`, sent({ replicas: 1 }));
  assert.deepEqual([taken.http, taken.kind, taken.metadata.managedFields], [200, "Other", undefined]);
});

test("a patch that makes another kind is refused under that, dots and all, and one that leaves none for its want", async () => {
  await defined("dotted", "Dotted");
  await answer("POST", at("dotted"), object("Dotted", "a", { color: "red" }));
  const kinded = (value: unknown): Promise<Answer> =>
    answer("PATCH", at("dotted", "a"), [{ op: "add", path: "/kind", value }], { "content-type": "application/json-patch+json" });
  const { group, kind } = (await kinded("x.io/a")).details as { group?: string; kind?: string };
  assert.deepEqual([group, kind], ["example.com", "x.io/a"]);
  assert.match((await kinded(null)).message ?? "", /: Object 'Kind' is missing in '/);
});

test("a storage version that is not served has no hash", async () => {
  const made = { ...definition("hashes", "Hash", { group: "hash.example.com", versions: [version("v1", { served: false }), version("v2")] }) };
  assert.equal((await answer("POST", crds, { ...made, metadata: { name: "hashes.hash.example.com" } })).http, 201);
  const found = await until("/apis/hash.example.com/v2", ({ http }) => http === 200);
  assert.equal("storageVersionHash" in (found.resources?.[0] ?? {}), false);
});

test("what is created of a definition that is ending is refused under its name", async () => {
  await defined("endings", "Ending", { versions: [version("v1")] });
  await answer("POST", at("endings"), { ...(object("Ending", "a", {}) as { metadata: object }), metadata: { name: "a", finalizers: ["example.com/f"] } });
  await answer("DELETE", `${crds}/endings.example.com`);
  await until(`${crds}/endings.example.com`, (found) => JSON.stringify(found).includes("InstanceDeletionInProgress"));
  const refused = await answer("POST", at("endings"), object("Ending", "b", {}));
  assert.deepEqual(
    [refused.http, refused.message],
    [403, 'endings.example.com "b" is forbidden: create not allowed while custom resource definition is terminating'],
  );
  await answer("PATCH", at("endings", "a"), { metadata: { finalizers: null } }, { "content-type": "application/merge-patch+json" });
});

test("what a rule cannot be judged of is said in the words of Go's CEL", async () => {
  const rules = (rule: string, more: object): object => ({ ...more, "x-kubernetes-validations": [{ rule }] });
  const properties = {
    list: rules("self.all(v, -v < 0)", { type: "array", maxItems: 3, items: { "x-kubernetes-int-or-string": true } }),
    when: rules("self.getFullYear() > 2000", { type: "string", format: "date-time" }),
    mark: rules("self.getFullYear() > 2000", { type: "string", format: "date-time" }),
  };
  const spec = { type: "object", properties };
  await defined("judged", "Judged", {
    versions: [{ ...version("v1"), selectableFields: [], schema: { openAPIV3Schema: { type: "object", properties: { spec } } } }],
  });
  const refused = await answer("POST", at("judged"), object("Judged", "a", { list: ["x"], when: "1999-12-31t23:59:59z", mark: "1999-12-31T23:59:59z" }));
  assert.deepEqual(refused.details?.causes?.map(({ field, message }) => `${field} ${message}`.replace(/^(\S+) .*?: .*?: ?/, "$1 ")).sort(), [
    "spec.list 'no such overload': call arguments did not match a supported operator, function or macro signature for rule: self.all(v, -v < 0)",
    'spec.mark Invalid date-time formatted string 1999-12-31T23:59:59z: parsing time "1999-12-31T23:59:59z": extra text: "z" evaluating rule: self.getFullYear() > 2000',
    'spec.when Invalid date-time formatted string 1999-12-31t23:59:59z: parsing time "1999-12-31t23:59:59z" as "2006-01-02T15:04:05": cannot parse "t23:59:59z" as "T" evaluating rule: self.getFullYear() > 2000',
  ]);
});

test("a resource within another is owned whole where its map is atomic", async () => {
  const inner = { type: "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-map-type": "atomic", "x-kubernetes-preserve-unknown-fields": true };
  const spec = { type: "object", properties: { inner } };
  await defined("wholes", "Whole", {
    versions: [{ ...version("v1"), selectableFields: [], schema: { openAPIV3Schema: { type: "object", properties: { spec } } } }],
  });
  const applied = object("Whole", "a", { inner: { apiVersion: "v1", kind: "Pod", metadata: { name: "n" } } });
  const made = await answer("PATCH", `${at("wholes", "a")}?fieldManager=m`, applied, { "content-type": "application/apply-patch+yaml" });
  assert.deepEqual(made.metadata.managedFields?.[0]?.fieldsV1, { "f:spec": { "f:inner": {} } });
});
