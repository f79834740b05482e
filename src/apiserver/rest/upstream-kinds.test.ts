/** What upstream's kinds do that is easily taken for a mistake, each found beside a kube-apiserver. */
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { type Answer, TestServer } from "../assembled.fixture.ts";

const api = new TestServer({ enforcedElsewhere: ["networkpolicies.networking.k8s.io"] });
const answer = api.answer.bind(api);
before(() => api.start());
after(() => api[Symbol.asyncDispose]());

const apply = "application/apply-patch+yaml";
const merge = "application/merge-patch+json";
const policies = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies";

test("a kind that protects is refused while nobody enforces it, and taken when somebody else does", async () => {
  await using lone = new TestServer();
  await lone.start();
  const policy = { metadata: { name: "p" }, spec: { podSelector: {} } };
  const refused = await lone.answer("POST", policies, policy);
  assert.deepEqual([refused.http, refused.reason], [403, "Forbidden"]);
  assert.match(refused.message ?? "", /not enforced by this cluster/);
  assert.equal((await answer("POST", policies, policy)).http, 201);
});

test("an empty list in a network policy is a change", async () => {
  await answer("POST", policies, { metadata: { name: "e" }, spec: { podSelector: {} } });
  const patched = await answer("PATCH", `${policies}/e`, { spec: { podSelector: { matchExpressions: [] } } }, merge);
  assert.equal(patched.metadata.generation, 2);
  const same = await answer("PATCH", `${policies}/e`, { metadata: { labels: { a: "b" } } }, merge);
  assert.equal(same.metadata.generation, 2);
});

test("who applies the status of an APIService owns none of its metadata", async () => {
  const services = "/apis/apiregistration.k8s.io/v1/apiservices";
  const object = { apiVersion: "apiregistration.k8s.io/v1", kind: "APIService", metadata: { name: "v1.k.example.com" } };
  const spec = { group: "k.example.com", version: "v1", groupPriorityMinimum: 100, versionPriority: 10 };
  assert.equal((await answer("POST", services, { ...object, spec })).http, 201);
  const metadata = { ...object.metadata, labels: { a: "b" } };
  const applied = await answer("PATCH", `${services}/v1.k.example.com/status?fieldManager=m`, { ...object, metadata, status: {} }, apply);
  assert.equal(applied.http, 200);
  assert.ok(!JSON.stringify(applied.metadata.managedFields).includes("f:a"));
});

test("no versions and an empty list of them are told apart", async () => {
  const definition = (versions: object): object => ({
    metadata: { name: "as.k.example.com" },
    spec: { group: "k.example.com", scope: "Namespaced", names: { plural: "as", kind: "A" }, ...versions },
  });
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  assert.match((await answer("POST", path, definition({}))).message ?? "", /spec\.versions: Invalid value: null: must have exactly one/);
  assert.match((await answer("POST", path, definition({ versions: [] }))).message ?? "", /spec\.versions: Invalid value: \[\]: must have exactly one/);
});

test("what is no protobuf does not say of which kind it is", async () => {
  const body = { metadata: { name: "x" } };
  const refused = await answer("POST", "/api/v1/namespaces/default/configmaps", body, "application/vnd.kubernetes.protobuf");
  const expected = "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]";
  assert.equal(refused.message, `the object provided is unrecognized (must be of type ConfigMap): ${expected} ({"metadata":{"name":"x"}})`);
});

test("the status of an APIService is never shown as a table", async () => {
  const services = "/apis/apiregistration.k8s.io/v1/apiservices";
  const spec = { group: "t.example.com", version: "v1", groupPriorityMinimum: 100, versionPriority: 10 };
  await answer("POST", services, { metadata: { name: "v1.t.example.com" }, spec });
  const tables = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
  assert.equal((await answer("GET", `${services}/v1.t.example.com`, undefined, undefined, tables)).kind, "Table");
  assert.equal((await answer("GET", `${services}/v1.t.example.com/status`, undefined, undefined, tables)).kind, "APIService");
});

const messages = (refused: Answer): string[] => (refused.details?.causes ?? []).map(({ field, message }) => `${field}: ${message}`);

test("a daemon set whose counter of templates is no number cannot be read", async () => {
  const sets = "/apis/apps/v1/namespaces/default/daemonsets";
  const annotated = (value: string): object => ({ name: "d", annotations: { "deprecated.daemonset.template.generation": value } });
  const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
  const spec = { selector: { matchLabels: { a: "b" } }, template };
  const refused = await answer("POST", sets, { metadata: annotated("x"), spec, unknown: 1 });
  assert.equal(refused.warnings, undefined);
  assert.equal(refused.message, 'DaemonSet in version "v1" cannot be handled as a DaemonSet: strconv.ParseInt: parsing "x": invalid syntax');
  await answer("POST", sets, { metadata: annotated("5"), spec });
  const patched = await answer("PATCH", `${sets}/d`, { metadata: annotated("9223372036854775808") }, merge);
  assert.match(patched.message ?? "", /strconv\.ParseInt: parsing "9223372036854775808": value out of range$/);
});

test("pods that a node would avoid are named by their controllers", async () => {
  const entries = [{ podSignature: {} }, { podSignature: { podController: { controller: false } } }, { podSignature: { podController: { controller: true } } }];
  const annotation = "scheduler.alpha.kubernetes.io/preferAvoidPods";
  const refused = await answer("POST", "/api/v1/nodes", {
    metadata: { name: "n", annotations: { [annotation]: JSON.stringify({ preferAvoidPods: entries }) } },
  });
  assert.deepEqual(messages(refused), [
    `metadata.annotations.${annotation}[0].PodSignature: Required value`,
    `metadata.annotations.${annotation}[1].PodSignature.PodController.Controller: Invalid value: false: must point to a controller`,
  ]);
});

test("what is no JSON in a secret is told by its first byte", async () => {
  const secret = { metadata: { name: "s" }, type: "kubernetes.io/dockercfg", data: { ".dockercfg": "AQI=" } };
  const [told] = messages(await answer("POST", "/api/v1/namespaces/default/secrets", secret));
  assert.equal(told, "data[.dockercfg]: Invalid value: \"<secret contents redacted>\": invalid character '\\x01' looking for beginning of value");
});

test("a volume that loses the terms of its affinity is refused", async () => {
  const volumes = "/api/v1/persistentvolumes";
  const required = { nodeSelectorTerms: [{ matchExpressions: [{ key: "a", operator: "Exists" }] }] };
  const spec = { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], local: { path: "/l" }, nodeAffinity: { required } };
  assert.equal((await answer("POST", volumes, { metadata: { name: "v" }, spec })).http, 201);
  const refused = await answer("PUT", `${volumes}/v`, { metadata: { name: "v" }, spec: { ...spec, nodeAffinity: { required: {} } } });
  const immutable = `Invalid value: {"Required":{"NodeSelectorTerms":null}}: field is immutable, except for updating from beta label to GA`;
  assert.equal(messages(refused).at(-1), `nodeAffinity: ${immutable}`);
});

test("rules of an init container without a policy are not looked at", async () => {
  const initContainers = [{ name: "i", image: "i", restartPolicyRules: [{ action: "x" }] }];
  const template = { spec: { initContainers, containers: [{ name: "c", image: "i" }] } };
  const refused = await answer("POST", "/api/v1/namespaces/default/podtemplates", { metadata: { name: "t" }, template });
  assert.deepEqual(messages(refused), [
    "template.spec.initContainers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used",
  ]);
});

test("schedules are read as robfig/cron reads them", async () => {
  const jobs = "/apis/batch/v1/namespaces/default/cronjobs";
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } };
  const scheduled = (schedule: string): object => ({ metadata: { name: "j" }, spec: { schedule, jobTemplate: { spec: { template } } } });
  const [told] = messages(await answer("POST", jobs, scheduled("TZ=Nope/x * * * * *")));
  assert.equal(told, 'spec.schedule: Invalid value: "TZ=Nope/x * * * * *": provided bad location Nope/x: unknown time zone Nope/x');
  assert.equal((await answer("POST", jobs, scheduled("*-5 * * * *"))).http, 201);
});

test("a dry run tells the range in which an address is not", async () => {
  const service = { metadata: { name: "s" }, spec: { clusterIP: "10.97.0.1", ports: [{ port: 80 }] } };
  const told = async (query: string): Promise<string> => (await answer("POST", `/api/v1/namespaces/default/services${query}`, service)).message ?? "";
  assert.match(await told("?dryRun=All"), /the provided IP \(10\.97\.0\.1\) is not in the valid range\. The range of valid IPs is 10\.96\.0\.0\/24$/);
  assert.match(await told(""), /the provided network does not match the current range$/);
});

test("an immutable map of strings may become empty where there was none, a map of bytes may not", async () => {
  const maps = "/api/v1/namespaces/default/configmaps";
  const held = { metadata: { name: "held" }, immutable: true };
  await answer("POST", maps, held);
  assert.equal((await answer("PUT", `${maps}/held`, { ...held, data: {} })).http, 200);
  const told = messages(await answer("PUT", `${maps}/held`, { ...held, data: {}, binaryData: {} }));
  assert.deepEqual(told, ["binaryData: Forbidden: field is immutable when `immutable` is set"]);
});

test("a token is bound to nothing whose version cannot be read", async () => {
  await answer("POST", "/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "a" } });
  const token = (apiVersion: string): Promise<Answer> =>
    answer("POST", "/api/v1/namespaces/default/serviceaccounts/a/token", { spec: { boundObjectRef: { apiVersion, kind: "X" } } });
  assert.equal((await token("a/b/c")).message, "cannot bind token to object of type /, Kind=X");
  assert.equal((await token("a/b")).message, "cannot bind token to object of type a/b, Kind=X");
  const unnamed = await answer("POST", "/api/v1/namespaces/default/serviceaccounts/a/token", { spec: { boundObjectRef: { kind: "Node" } } });
  assert.equal(unnamed.message, "Name parameter required.");
});

test("a revision's data is shown with all that is empty in it", async () => {
  const path = "/apis/apps/v1/namespaces/default/controllerrevisions";
  await answer("POST", path, { metadata: { name: "r" }, revision: 1, data: { a: 1 } });
  const refused = await answer("PUT", `${path}/r`, { metadata: { name: "r" }, revision: 1, data: { b: [] } });
  assert.match(refused.message ?? "", /data: Invalid value: \{"b":\[\]\}: field is immutable$/);
});

test("where a Service has a port for checks it is not asked for another one", async () => {
  const path = "/api/v1/namespaces/default/services";
  const service = (healthCheckNodePort: number) => ({
    metadata: { name: "checked" },
    spec: { type: "LoadBalancer", externalTrafficPolicy: "Local", ports: [{ port: 80 }], healthCheckNodePort },
  });
  const refused = await answer("POST", path, service(30));
  assert.equal(refused.http, 500);
  assert.match(
    refused.message ?? "",
    /^Internal error occurred: failed to allocate requested HealthCheck NodePort 30: provided port is not in the valid range\. /,
  );
  assert.equal((await answer("POST", path, service(0))).http, 201);
  assert.match((await answer("PUT", `${path}/checked`, service(30))).message ?? "", /spec\.healthCheckNodePort: Forbidden: field is immutable$/);
});

test("of a Service's ports on nodes one that is taken is told before the one for checks", async () => {
  const path = "/api/v1/namespaces/default/services";
  const ports = [{ port: 80, nodePort: 30044 }];
  await answer("POST", path, { metadata: { name: "holder" }, spec: { type: "NodePort", ports } });
  const spec = { type: "LoadBalancer", externalTrafficPolicy: "Local", ports, healthCheckNodePort: 30 };
  const [told] = messages(await answer("POST", path, { metadata: { name: "late" }, spec }));
  assert.equal(told, "spec.ports[0].nodePort: Invalid value: 30044: provided port is already allocated");
});

test("nothing rounds a runtime class's overhead", async () => {
  const object = { metadata: { name: "r" }, handler: "h", overhead: { podFixed: { "example.com/a": "100u" } } };
  const [told] = messages(await answer("POST", "/apis/node.k8s.io/v1/runtimeclasses", object));
  assert.equal(told, 'overhead.limits[example.com/a]: Invalid value: "100u": must be an integer');
});

test("what a name is made of is not judged where validation is declarative, what is made of it is", async () => {
  const classes = "/apis/resource.k8s.io/v1/deviceclasses?dryRun=All";
  assert.equal((await answer("POST", classes, { metadata: { name: "a", generateName: "A_b" }, spec: {} })).http, 201);
  const [told] = messages(await answer("POST", classes, { metadata: { name: "A_b" }, spec: {} }));
  assert.match(told ?? "", /^metadata\.name: Invalid value: "A_b": a lowercase RFC 1123 subdomain/);
});

test("managers that are no list of them, and schemas that are none, are told as what does not fit", async () => {
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "unmanaged", managedFields: 5 } };
  const typed = await answer("PATCH", `/api/v1/namespaces/default/configmaps/unmanaged?fieldManager=m`, map, apply);
  assert.match(`${typed.http} ${typed.message}`, /^500 .*: \.metadata\.managedFields: expected list, got &\{5\}$/);
  const versions = [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object", items: [{ type: 1 }] } } }];
  const spec = { group: "example.com", scope: "Cluster", names: { plural: "as", kind: "A" }, versions };
  const definition = { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", metadata: { name: "as.example.com" }, spec };
  const unfit = await answer("PATCH", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/as.example.com?fieldManager=m", definition, apply);
  assert.match(unfit.message ?? "", /: json: cannot unmarshal number into Go struct field JSONSchemaProps\.type of type string$/);
});
