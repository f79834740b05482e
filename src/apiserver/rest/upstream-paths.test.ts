/** Ways that lead to no object, and what is said before anything is looked at, as beside a kube-apiserver. */
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { TestServer } from "../assembled.fixture.ts";

const server = new TestServer();
before(() => server.start());
after(() => server[Symbol.asyncDispose]());
const answer = server.answer.bind(server);
const merge = "application/merge-patch+json";
const apply = "application/apply-patch+yaml";
const core = "/api/v1/namespaces/default";

test("ways that lead nowhere end where upstream's end", async () => {
  const at = async (method: string, path: string): Promise<[number, string]> => {
    const { http, message } = await answer(method, path);
    return [http, message ?? ""];
  };
  const page = "404 page not found\n";
  const missing = "the server could not find the requested resource";
  assert.deepEqual(await at("GET", `/${core}/configmaps`), [404, page]);
  for (const path of ["/apis//", "/apis//v1", "/apis//v1/pods", "/apis//v9/pods", "/apis/%2Fv1/pods"]) assert.deepEqual(await at("GET", path), [404, page]);
  assert.deepEqual(await at("GET", "/api/v2"), [404, missing]);
  assert.deepEqual(await at("PUT", "/api/v2"), [404, missing]);
  assert.deepEqual(await at("GET", "/api/v1/proxy/namespaces/default/pods/x"), [404, missing]);
  assert.deepEqual(await at("GET", "/readyz/"), [404, page]);
  assert.deepEqual(await at("GET", "/version/x"), [404, missing]);
  assert.equal((await at("POST", "/apis/apps/v%31"))[0], 405);
  assert.equal((await at("HEAD", "/apis/apiregistration.k8s.io"))[0], 405);
  const whole = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  assert.equal((await answer("PUT", "/api", {}, "application/json", whole)).http, 405);
  assert.equal((await answer("PUT", "/apis", {}, "application/json", whole)).http, 200);
  assert.deepEqual(await at("GET", "/openapi/v3/"), [404, ""]);
  assert.deepEqual(await at("GET", "/openapi/v3/apis/nope/v1"), [404, ""]);
  for (const [asked, told] of [
    ["?a=1&b=%3c", "?a=1&amp;b=%3c"],
    ["?", "?"],
  ])
    assert.deepEqual(await at("GET", `/api/v1/watch${asked}`), [
      500,
      `Internal Server Error: "/api/v1/watch${told}": failed to create RequestInfo: unable to determine kind and namespace from url, /api/v1/watch${told}\n`,
    ]);
});

test("a way through a namespace without a name lists all, and has no objects", async () => {
  const at = async (method: string, path: string, body?: unknown): Promise<[number, string]> => {
    const { http, message } = await answer(method, path, body);
    return [http, message ?? ""];
  };
  const nameless = "/api/v1/namespaces//configmaps";
  const required: [number, string] = [400, "Namespace parameter required."];
  assert.equal((await at("POST", `${core}/configmaps`, { metadata: { name: "somewhere" } }))[0], 201);
  assert.equal(
    (await answer("GET", nameless)).items?.some(({ metadata }) => metadata.name === "somewhere"),
    true,
  );
  assert.deepEqual(await at("GET", `${nameless}/somewhere`), required);
  assert.deepEqual(await at("PUT", `${nameless}/somewhere`, { metadata: { name: "somewhere" } }), required);
  assert.deepEqual(await at("DELETE", `${nameless}/somewhere`), required);
  assert.deepEqual(await at("DELETE", nameless), required);
  assert.deepEqual(await at("GET", "/apis/apps/v1/namespaces//deployments/x/scale"), required);
  assert.deepEqual(await at("POST", "/api/v1/namespaces//serviceaccounts/x/token", { spec: {} }), required);
  assert.deepEqual(await at("DELETE", "/api/v1/configmaps"), [405, "the server does not allow this method on the requested resource"]);
  assert.deepEqual(await at("POST", nameless, { metadata: { name: "x" } }), [422, 'ConfigMap "x" is invalid: metadata.namespace: Required value']);
  assert.equal((await at("GET", `${core}/configmaps/somewhere`))[0], 200);
  assert.equal((await at("GET", "/api/v1/namespaces//nodes"))[0], 404);
  assert.equal((await at("GET", "/api/v1/namespaces/default/namespaces"))[0], 404);
});

test("a way to a part of an object without a name is known and leads nowhere", async () => {
  for (const [method, path] of [
    ["GET", `${core}/pods//status`],
    ["PUT", `${core}/pods//status`],
    ["POST", `${core}/pods//eviction`],
    ["GET", `${core}/pods//log`],
    ["GET", "/api/v1/namespaces//status"],
  ] as const) {
    const { http, message } = await answer(method, path);
    assert.deepEqual([http, message], [400, "name must be provided"], `${method} ${path}`);
  }
  assert.equal((await answer("DELETE", `${core}/pods//status`)).http, 405);
  assert.equal((await answer("GET", `${core}/pods//status`, undefined, "application/json", "text/plain")).http, 406);
});

test("a webhook of which an empty list is said is managed and not stored", async () => {
  const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const versions = [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }];
  const names = { plural: "as", kind: "A" };
  await answer("POST", definitions, { metadata: { name: "as.example.com" }, spec: { group: "example.com", scope: "Cluster", names, versions } });
  const webhook = { spec: { conversion: { webhook: { conversionReviewVersions: [] } } } };
  const made = await answer("PATCH", `${definitions}/as.example.com?fieldManager=m`, webhook, merge);
  assert.deepEqual(made.spec?.conversion, { strategy: "None" });
  assert.equal(made.metadata.generation, 1);
  const entry = made.metadata.managedFields?.find(({ manager }) => manager === "m");
  assert.deepEqual(entry?.fieldsV1, { "f:spec": { "f:conversion": { "f:webhook": { ".": {}, "f:conversionReviewVersions": {} } } } });
});

test("an applied object is called as its way says before anything is said of it", async () => {
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "x" }, spec: { containers: [] } };
  const refused = await answer("PATCH", `${core}/pods/y?fieldManager=m`, pod, apply);
  assert.equal(refused.message, "the name of the object (x) does not match the name on the URL (y)");
});

test("what has field sets in its template that are none can be stored and not applied to", async () => {
  const sets = "/apis/apps/v1/namespaces/default/replicasets";
  const spec = (...sets: unknown[]) => ({
    selector: { matchLabels: { a: "b" } },
    template: {
      metadata: { labels: { a: "b" }, managedFields: sets.map((fieldsV1) => ({ fieldsV1 })) },
      spec: { containers: [{ name: "c", image: "i" }] },
    },
  });
  const refusal = async (name: string, ...fieldSets: unknown[]): Promise<string> => {
    assert.equal((await answer("POST", sets, { metadata: { name }, spec: spec(...fieldSets) })).http, 201);
    const object = { apiVersion: "apps/v1", kind: "ReplicaSet", metadata: { name }, status: { replicas: null } };
    const { http, message } = await answer("PATCH", `${sets}/${name}/status?fieldManager=m`, object, apply);
    return `${http} ${message}`;
  };
  const at = (name: string): string =>
    `500 failed to create manager for existing fields: failed to convert new object (default/${name}; apps/v1, Kind=ReplicaSet) to smd typed: `;
  const where = (i: number): string => `.spec.template.metadata.managedFields[${i}].fieldsV1: expected map, got &{<nil> <nil> `;
  assert.equal(await refusal("number", -3, {}), `${at("number")}${where(0)}<int64 Value> 3}`);
  assert.equal(
    await refusal("several", "text", [], true, 1.5),
    `${at("several")}errors:\n  ${where(0)}text 6}\n  ${where(1)}<[]interface {} Value> 2}\n  ${where(2)}<bool Value> 8}\n  ${where(3)}<float64 Value> 5}`,
  );
});

test("a list of types of patches is for the router alone", async () => {
  const refused = await answer("PATCH", `${core}/configmaps/p`, {}, "application/merge-patch+json,x");
  assert.match(refused.message ?? "", /^the body of the request was in an unknown format - .*strategic-merge-patch\+json, application\/apply-patch\+yaml$/);
  assert.equal((await answer("PATCH", `${core}/configmaps/p`, {}, "x")).message, "415: Unsupported Media Type");
});

test("entries of managed fields in versions of the core group are nobody's in other groups", async () => {
  const events = "/apis/events.k8s.io/v1/namespaces/default/events";
  const said = {
    reportingController: "example.com/c",
    reportingInstance: "i",
    action: "a",
    reason: "r",
    type: "Normal",
    eventTime: "2026-01-02T03:04:05.000006Z",
  };
  const made = await answer("POST", events, { metadata: { name: "owned" }, regarding: { kind: "Pod", namespace: "default" }, ...said });
  const entry = { manager: "own", operation: "Update", apiVersion: "v1", fieldsType: "FieldsV1", fieldsV1: { "f:spec": { "f:template": {} } } };
  const managedFields = [...(made.metadata.managedFields ?? []), entry];
  const changed = await answer("PATCH", `${events}/owned`, { metadata: { managedFields } }, merge);
  assert.equal(changed.http, 200, changed.message);
  assert.deepEqual(
    changed.metadata.managedFields?.map(({ apiVersion }) => apiVersion),
    ["events.k8s.io/v1"],
  );
});

test("a namespace or a name that is no step of a path is refused where upstream's storage refuses it", async () => {
  const at = async (method: string, path: string, body?: unknown, type?: string): Promise<[number, string]> => {
    const { http, message } = await answer(method, path, body, type);
    return [http, message ?? ""];
  };
  const pods = "/api/v1/namespaces/./pods";
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x" } };
  assert.deepEqual(await at("GET", pods), [500, 'invalid key: "/pods/."']);
  assert.deepEqual(await at("GET", `${pods}?fieldSelector=metadata.name%3Dx`), [500, 'invalid key: "/pods/./x"']);
  assert.deepEqual(await at("GET", `${pods}?watch=1`), [500, 'invalid key: "/pods/."']);
  assert.deepEqual(await at("DELETE", pods), [500, 'invalid key: "/pods/."']);
  assert.deepEqual(await at("GET", `${pods}/x`), [500, 'invalid key: "/pods/./x"']);
  assert.deepEqual(await at("DELETE", "/apis/networking.k8s.io/v1/namespaces/../ingresses/x"), [500, 'invalid key: "/ingress/../x"']);
  assert.deepEqual(await at("PUT", "/api/v1/namespaces/../configmaps/x", object), [500, 'invalid key: "/configmaps/../x"']);
  assert.deepEqual(await at("PATCH", "/api/v1/namespaces/../configmaps/x", {}, merge), [500, 'invalid key: "/configmaps/../x"']);
  const once = "Internal error occurred: invalid resource name";
  assert.deepEqual(await at("POST", "/api/v1/namespaces/./configmaps", object), [500, `${once} ".": [may not be '.']`]);
  assert.deepEqual(await at("POST", "/api/v1/namespaces/a%25b/configmaps", object), [500, `${once} "a%b": [may not contain '%']`]);
  for (const query of ["", "?resourceVersion=x"])
    assert.deepEqual(await at("GET", `${core}/configmaps/..${query}`), [400, `Name parameter invalid: "..": may not be '..'`]);
  assert.deepEqual(await at("DELETE", "/api/v1/nodes/a%25"), [400, `Name parameter invalid: "a%": may not contain '%'`]);
});

test("a body of YAML that cannot be read, or says not what it is, is of no kind", async () => {
  const refused = async (body: string, type = "application/yaml"): Promise<string> => (await answer("POST", `${core}/configmaps`, body, type)).message ?? "";
  const unknown = "the object provided is unrecognized (must be of type ConfigMap): ";
  assert.equal(await refused("a: @"), `${unknown}yaml: found character that cannot start any token (613a2040)`);
  assert.equal(await refused("a: .inf"), `${unknown}json: unsupported value: +Inf (613a202e696e66)`);
  assert.equal(
    await refused("kind: 1"),
    `${unknown}couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string (6b696e643a2031)`,
  );
  assert.match(await refused("Kind: Pod\nspec: 1"), /^Pod in version "v1" cannot be handled as a ConfigMap: /);
  const applied = await answer("PATCH", `${core}/configmaps/x?fieldManager=m`, "~: 1", apply);
  assert.equal(applied.message, "error decoding YAML: error converting YAML to JSON: unsupported map key of type: %!s(<nil>), key: <nil>, value: 1");
});

test("what is created below an object is in its namespace", async () => {
  const metadata = { name: "x", namespace: "other" };
  for (const way of ["pods/x/eviction", "pods/x/binding", "serviceaccounts/x/token"]) {
    const { http, message } = await answer("POST", `${core}/${way}`, { metadata, target: { name: "n" } });
    assert.deepEqual([http, message], [400, "the namespace of the provided object does not match the namespace sent on the request"], way);
  }
});

test("a watch of events whose time is over before it begins does not find where to begin", async () => {
  const asked = `${core}/events?watch=1&resourceVersionMatch=NotOlderThan&timeoutSeconds=-5&sendInitialEvents=`;
  assert.equal((await answer("GET", `${asked}false`)).message, "context deadline exceeded");
});
