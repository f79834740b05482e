import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import type { ApiRequest } from "../../api/exchange.ts";
import type { KubeObject, WatchEvent } from "../../api/object.ts";
import { VirtualClock } from "../../base/clock.ts";
import { seededRandom } from "../../base/random.ts";
import { admin, type Asking, bytesOf, TestServer } from "../assembled.fixture.ts";
import { type AuditEvent, Auditor } from "../audit/auditor.ts";
import { parseAuditPolicy } from "../audit/policy.ts";

const audited: AuditEvent[] = [];
const policy = parseAuditPolicy("apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]", "test");
const auditor = new Auditor({ policy, sink: { write: (event) => audited.push(event) }, clock: new VirtualClock(), random: seededRandom(1) });
const server = new TestServer({ auditor });
const send = server.send.bind(server);
before(() => server.start());
after(() => server[Symbol.asyncDispose]());

// Answers are read as what the test expects them to be.
interface Answer extends KubeObject {
  code?: number;
  message?: string;
  reason?: string;
  items?: KubeObject[];
  data?: Record<string, string>;
  spec?: Record<string, unknown>;
  details?: { uid?: string; causes?: { field: string }[] };
}
async function answer(method: string, target: string, extra?: Asking): Promise<Answer & { status: never; http: number; warnings: string[] }> {
  const { body, status, warnings } = await send(method, target, extra);
  return { ...JSON.parse((await bytesOf(body)).toString()), http: status, warnings: warnings ?? [] };
}
const configmaps = "/api/v1/namespaces/default/configmaps";
const cm = (name: string, more: object = {}): object => ({ metadata: { name, ...more }, data: { k: "v" } });

test("an object is created, read, replaced with a check of its revision, and deleted", async () => {
  const created = await answer("POST", configmaps, { body: cm("life") });
  assert.equal(created.http, 201);
  assert.equal(created.metadata.namespace, "default");
  assert.equal((await answer("POST", configmaps, { body: cm("life") })).reason, "AlreadyExists");
  const stale = { ...cm("life"), metadata: { name: "life", resourceVersion: "1" } };
  const refused = await answer("PUT", `${configmaps}/life`, { body: stale });
  assert.equal(refused.http, 409);
  assert.match(refused.message ?? "", /the object has been modified; please apply your changes to the latest version and try again/);
  const replaced = await answer("PUT", `${configmaps}/life`, { body: { ...cm("life"), data: { k: "w" } } });
  assert.equal(replaced.data?.k, "w");
  assert.equal(replaced.metadata.uid, created.metadata.uid);
  const same = await answer("PUT", `${configmaps}/life`, { body: { ...cm("life"), data: { k: "w" } } });
  assert.equal(same.metadata.resourceVersion, replaced.metadata.resourceVersion, "an update that changes nothing writes nothing");
  const gone = await answer("DELETE", `${configmaps}/life`);
  assert.equal(gone.details?.uid, created.metadata.uid);
  assert.equal((await answer("GET", `${configmaps}/life`)).http, 404);
});

test("a dry run says what would be and leaves nothing behind", async () => {
  const dry = await answer("POST", `${configmaps}?dryRun=All`, { body: cm("dry") });
  assert.equal(dry.http, 201);
  assert.ok(dry.metadata.uid);
  assert.equal((await answer("GET", `${configmaps}/dry`)).http, 404);
});

test("unknown fields are refused, warned of or dropped, as the request wishes", async () => {
  const body = { ...cm("strict"), bogus: 1 };
  const strict = await answer("POST", `${configmaps}?fieldValidation=Strict`, { body });
  assert.equal(strict.http, 400);
  assert.match(strict.message ?? "", /strict decoding error: unknown field "bogus"/);
  const warned = await answer("POST", `${configmaps}?dryRun=All`, { body });
  assert.deepEqual(warned.warnings, ['unknown field "bogus"']);
  const ignored = await answer("POST", `${configmaps}?dryRun=All&fieldValidation=Ignore`, { body });
  assert.deepEqual(ignored.warnings, []);
});

test("a finalizer holds an object until it is taken away", async () => {
  await answer("POST", configmaps, { body: cm("held", { finalizers: ["example.com/hold"] }) });
  const dying = await answer("DELETE", `${configmaps}/held`);
  assert.ok(dying.metadata.deletionTimestamp);
  const freed = await answer("PATCH", `${configmaps}/held`, { body: { metadata: { finalizers: null } }, type: "application/merge-patch+json" });
  assert.equal(freed.http, 200);
  assert.equal((await answer("GET", `${configmaps}/held`)).http, 404);
});

test("pages of a list go on where the last one ended and end at the last item", async () => {
  for (const name of ["page-1", "page-2", "page-3"]) await answer("POST", configmaps, { body: cm(name, { labels: { page: "y" } }) });
  const names: string[] = [];
  let next = "";
  do {
    const page = await answer("GET", `${configmaps}?labelSelector=page%3Dy&limit=2${next ? `&continue=${next}` : ""}`);
    names.push(...(page.items ?? []).map((item) => item.metadata.name));
    assert.equal(page.items?.[0]?.kind, undefined, "items of built-in kinds name no kind");
    next = (page.metadata as { continue?: string }).continue ?? "";
  } while (next);
  assert.deepEqual(names, ["page-1", "page-2", "page-3"]);
  await answer("DELETE", `${configmaps}?labelSelector=page%3Dy`);
  assert.equal((await answer("GET", `${configmaps}?labelSelector=page%3Dy`)).items?.length, 0);
});

test("a watcher by label sees an object leave its selection as a deletion", async () => {
  const stop = new AbortController();
  const list = await answer("GET", configmaps);
  const watch = await send("GET", `${configmaps}?watch=1&labelSelector=seen&resourceVersion=${list.metadata.resourceVersion}`, { signal: stop.signal });
  await answer("POST", configmaps, { body: cm("moving", { labels: { seen: "y" } }) });
  await answer("PATCH", `${configmaps}/moving`, { body: { metadata: { labels: { seen: null } } }, type: "application/merge-patch+json" });
  const events: WatchEvent[] = [];
  let text = "";
  for await (const chunk of watch.body as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    if (text.split("\n").length > 2) break;
  }
  for (const line of text.trim().split("\n")) events.push(JSON.parse(line) as WatchEvent);
  stop.abort();
  assert.deepEqual(
    events.map(({ type, object }) => `${type} ${object.metadata.name}`),
    ["ADDED moving", "DELETED moving"],
  );
});

test("what a watch is asked for in vain is an error of the request", async () => {
  assert.equal((await answer("GET", `${configmaps}?watch=1&fieldSelector=spec.x%3D1`)).http, 400);
  assert.equal((await answer("GET", `${configmaps}?watch=1&sendInitialEvents=true`)).http, 422);
});

test("applying takes fields, and another's fields only by force", async () => {
  const type = "application/apply-patch+yaml";
  const body = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\ndata: {k: one}\n";
  assert.equal((await answer("PATCH", `${configmaps}/applied?fieldManager=one`, { body, type })).http, 201);
  const other = body.replace("k: one", "k: two");
  const conflict = await answer("PATCH", `${configmaps}/applied?fieldManager=two`, { body: other, type });
  assert.equal(conflict.http, 409);
  assert.equal(conflict.details?.causes?.[0]?.field, ".data.k");
  assert.equal((await answer("PATCH", `${configmaps}/applied?fieldManager=two&force=true`, { body: other, type })).data?.k, "two");
});

test("what is applied anew says its name, and no identity", async () => {
  const apply = (metadata: object) =>
    answer("PATCH", `${configmaps}/anew?fieldManager=m&dryRun=All`, {
      body: { apiVersion: "v1", kind: "ConfigMap", metadata },
      type: "application/apply-patch+yaml",
    });
  assert.equal((await apply({ name: "anew" })).http, 201);
  assert.equal((await apply({})).message, "the name of the object (anew based on URL) was undeterminable: name must be provided");
  assert.match((await apply({ name: "anew", uid: "x" })).message ?? "", /uid mismatch: the provided object specified uid x, and no existing object was found/);
});

test("a deletion of the one that is named looks at what there is, whatever revision it wants", async () => {
  await answer("POST", configmaps, { body: cm("chosen") });
  const chosen = `${configmaps}?fieldSelector=metadata.name%3Dchosen&resourceVersion=1`;
  assert.match((await answer("DELETE", chosen)).message ?? "", /the ResourceVersion in the precondition \(1\) does not match/);
  assert.equal((await answer("GET", `${chosen}&limit=1`)).items?.length, 1);
});

test("what an applied document repeats is told of once it has been applied", async () => {
  const claims = "/api/v1/namespaces/default/persistentvolumeclaims/twice?fieldManager=m&dryRun=All";
  const body = (storage: string): Buffer =>
    Buffer.from(
      `apiVersion: v1\nkind: a\nkind: PersistentVolumeClaim\nmetadata: {name: twice}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: "${storage}"}}}`,
    );
  const apply = (storage: string) => answer("PATCH", claims, { body: body(storage), type: "application/apply-patch+yaml" });
  assert.match((await apply("1Gi")).warnings.join(), /key "kind" already set in map/);
  const failed = await apply("");
  assert.deepEqual([failed.http, failed.warnings], [500, []]);
  const strict = await answer("PATCH", `${claims}&fieldValidation=Strict`, { body: body("1Gi"), type: "application/apply-patch+yaml" });
  assert.match(strict.message ?? "", /^error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n {2}line 3: key "kind" already set/);
});

test("services get addresses of their own, none twice, and give them back", async () => {
  const services = "/api/v1/namespaces/default/services";
  const spec = { ports: [{ port: 80 }] };
  const first = await answer("POST", services, { body: { metadata: { name: "one" }, spec: { ...spec, clusterIP: "10.96.0.99" } } });
  assert.equal(first.http, 201);
  const second = await answer("POST", services, { body: { metadata: { name: "two" }, spec: { ...spec, clusterIP: "10.96.0.99" } } });
  assert.match(second.message ?? "", /failed to allocate IP 10.96.0.99: provided IP is already allocated/);
  const other = await answer("PUT", `${services}/one`, { body: { metadata: { name: "one" }, spec: { ...spec, clusterIP: "10.1.2.3" } } });
  assert.match(other.message ?? "", /spec.clusterIPs\[0\]: Invalid value: \["10.1.2.3"\]: may not change once set/);
  await answer("DELETE", `${services}/one`);
  assert.equal((await answer("POST", services, { body: { metadata: { name: "two" }, spec: { ...spec, clusterIP: "10.96.0.99" } } })).http, 201);
  const tried = async (nodePort?: number): Promise<unknown> => {
    const balanced = { type: "LoadBalancer", externalTrafficPolicy: "Local", ports: [{ port: 80, nodePort }] };
    const { spec: given } = await answer("POST", `${services}?dryRun=All`, { body: { metadata: { name: "tried" }, spec: balanced } });
    const { ports, healthCheckNodePort } = given as { ports: { nodePort: number }[]; healthCheckNodePort: number };
    return [ports[0]?.nodePort, healthCheckNodePort];
  };
  assert.deepEqual(
    [await tried(), await tried(40000)],
    [
      [32769, 32770],
      [40000, 40001],
    ],
  );
  const port = await answer("POST", services, { body: { metadata: { name: "np" }, spec: { type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] } } });
  assert.equal(port.http, 201);
  const taken = await answer("POST", services, { body: { metadata: { name: "np2" }, spec: { type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] } } });
  assert.match(taken.message ?? "", /spec.ports\[0\].nodePort: Invalid value: 30080: provided port is already allocated/);
  const namespaced = (await answer("GET", "/apis/networking.k8s.io/v1/ipaddresses")).items ?? [];
  assert.equal(namespaced.filter((item) => item.metadata.name === "10.96.0.99").length, 1);
});

test("who may not is refused, naming what", async () => {
  const refused = await answer("GET", configmaps, { user: { name: "bob", groups: ["system:authenticated"] } });
  assert.equal(refused.http, 403);
  assert.match(refused.message ?? "", /configmaps is forbidden: User "bob" cannot list resource "configmaps" in API group "" in the namespace "default"/);
});

test("a namespace goes for good once its finalizer is gone", async () => {
  await answer("POST", "/api/v1/namespaces", { body: { metadata: { name: "going" } } });
  assert.ok((await answer("DELETE", "/api/v1/namespaces/going")).metadata.deletionTimestamp);
  assert.equal((await answer("POST", "/api/v1/namespaces/going/configmaps", { body: cm("late") })).http, 403);
  await answer("PUT", "/api/v1/namespaces/going/finalize", { body: { apiVersion: "v1", kind: "Namespace", metadata: { name: "going" }, spec: {} } });
  assert.equal((await answer("GET", "/api/v1/namespaces/going")).http, 404);
});

test("an event written in one version is read in the other", async () => {
  const body = {
    metadata: { name: "ev", namespace: "default" },
    regarding: { kind: "Pod", name: "p", namespace: "default" },
    note: "said",
    reason: "Because",
    action: "Acting",
    type: "Normal",
    eventTime: "2026-01-01T00:00:00.000000Z",
    reportingController: "example.com/c",
    reportingInstance: "c-1",
  };
  const created = await answer("POST", "/apis/events.k8s.io/v1/namespaces/default/events", { body });
  assert.equal(created.http, 201, created.message);
  const core = (await answer("GET", "/api/v1/namespaces/default/events/ev")) as unknown as { message: string; involvedObject: { name: string } };
  assert.equal(core.message, "said");
  assert.equal(core.involvedObject.name, "p");
  const selected = await answer("GET", "/apis/events.k8s.io/v1/namespaces/default/events?fieldSelector=reportingController%3Dexample.com/c,regarding.name%3Dp");
  assert.deepEqual(
    selected.items?.map((item) => item.metadata.name),
    ["ev"],
  );
});

test("forms: YAML, protobuf and metadata alone", async () => {
  await answer("POST", configmaps, { body: cm("forms") });
  const yaml = await send("GET", `${configmaps}/forms`, { accept: "application/yaml" });
  assert.match(Buffer.from(yaml.body as Uint8Array).toString(), /^apiVersion: v1\n/);
  const protobuf = await send("GET", `${configmaps}/forms`, { accept: "application/vnd.kubernetes.protobuf" });
  assert.equal(Buffer.from((protobuf.body as Uint8Array).subarray(0, 4)).toString("latin1"), "k8s\0");
  const partial = await answer("GET", `${configmaps}/forms`, { accept: "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io" });
  assert.equal(partial.kind, "PartialObjectMetadata");
  assert.equal(partial.data, undefined);
  assert.equal((await send("GET", `${configmaps}/forms`, { accept: "text/html" })).status, 406);
});

test("what fails is warned of all the same, and a deletion's body outweighs its query", async () => {
  const warned = await answer("POST", configmaps, { body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "UPPER" }, bogus: 1 } });
  assert.equal(warned.http, 422);
  assert.deepEqual(warned.warnings, ['unknown field "bogus"']);
  await answer("POST", configmaps, { body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "gone" } } });
  await answer("DELETE", `${configmaps}/gone?dryRun=All`, { body: { gracePeriodSeconds: 1 } });
  assert.equal((await answer("GET", `${configmaps}/gone`)).http, 404);
});

test("repeated owners are dropped from what is posted before it is owned, from what is patched after admission", async () => {
  const owner = { apiVersion: "v1", kind: "ConfigMap", name: "o", uid: "u" };
  const posted = await answer("POST", configmaps, { body: cm("owned", { ownerReferences: [owner, owner] }) });
  assert.deepEqual(posted.metadata.ownerReferences, [owner]);
  assert.match(posted.warnings.join(), /contains duplicate entries; API server dedups/);
  const patched = await answer("PATCH", `${configmaps}/owned`, {
    type: "application/json-patch+json",
    body: [{ op: "add", path: "/metadata/ownerReferences/0", value: owner }],
  });
  assert.deepEqual(patched.metadata.ownerReferences, [owner]);
  assert.match(patched.warnings.join(), /contains duplicate entries after mutating admission happens; API server dedups/);
});

test("a version that is half said is that of the request where the group is its own, and is missing elsewhere", async () => {
  const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases?dryRun=All";
  const said = (apiVersion: string) => answer("POST", leases, { body: { apiVersion, kind: "Lease", metadata: { name: "half" } } });
  assert.equal((await said("/")).http, 201);
  assert.equal((await said("coordination.k8s.io/")).http, 201);
  assert.match(
    (await said("apps/")).message ?? "",
    /^Lease in version "" cannot be handled as a Lease: Object 'apiVersion' is missing in '\{"apiVersion":"apps\/"/,
  );
  assert.match((await said("/v1")).message ?? "", /no kind "Lease" is registered for version "v1"/);
  assert.match((await said("apps/v1/")).message ?? "", /unexpected GroupVersion string: apps\/v1\//);
});

test("admission judges what a PUT would create before its revision is read", async () => {
  const put = (namespace: string) =>
    answer("PUT", `/api/v1/namespaces/${namespace}/endpoints/put`, { body: { metadata: { name: "put", resourceVersion: "x" } } });
  assert.equal((await put("default")).message, 'strconv.ParseUint: parsing "x": invalid syntax');
  assert.match((await put("a%25b")).message ?? "", /invalid resource name "a%b": \[may not contain '%'\]/);
});

test("an object that brings a resourceVersion is not created", async () => {
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "versioned", resourceVersion: "7" } };
  const refused = await answer("POST", configmaps, { body });
  assert.equal(refused.http, 500);
  assert.equal((await answer("GET", `${configmaps}/versioned`)).http, 404);
});

test("a patch that cannot be read matters only where there is something to patch", async () => {
  const merge = { type: "application/merge-patch+json", body: "{" };
  assert.equal((await answer("PATCH", `${configmaps}/nobody`, merge)).http, 404);
});

test("a limit range without limits limits nothing", async () => {
  const ranges = "/api/v1/namespaces/default/limitranges";
  const made = await answer("POST", ranges, { body: { apiVersion: "v1", kind: "LimitRange", metadata: { name: "none" }, spec: { limits: [] } } });
  assert.equal(made.spec?.limits, null);
  const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
  const claim = { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: "free" }, spec };
  assert.equal((await answer("POST", "/api/v1/namespaces/default/persistentvolumeclaims?dryRun=All", { body: claim })).http, 201);
  await answer("DELETE", `${ranges}/none`);
});

test("options that cannot be read come before those that do not go together, the content type before both", async () => {
  const list = await answer("GET", `${configmaps}?labelSelector=a+in&resourceVersionMatch=x`);
  assert.equal(list.http, 400);
  assert.equal((await answer("GET", `${configmaps}?limit=&timeoutSeconds=x`)).message, 'strconv.ParseInt: parsing "x": invalid syntax');
  for (const path of [configmaps, "/api/v1/namespaces/default/pods/none/eviction", "/apis/authorization.k8s.io/v1/subjectaccessreviews"])
    assert.equal((await answer("POST", `${path}?fieldValidation=x`, { type: "text/plain", body: "{}" })).http, 415, path);
});

test("deleting a job warns of the pods that stay, unless the request says what becomes of them", async () => {
  const jobs = "/apis/batch/v1/namespaces/default/jobs";
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } };
  const body = { apiVersion: "batch/v1", kind: "Job", metadata: { name: "done" }, spec: { template } };
  assert.equal((await answer("POST", jobs, { body })).http, 201);
  assert.match((await answer("DELETE", `${jobs}/done?dryRun=All`)).warnings.join(), /child pods are preserved by default/);
  assert.deepEqual((await answer("DELETE", `${jobs}/done?propagationPolicy=Background`)).warnings, []);
});

test("a secret whose value is null has a value of no bytes", async () => {
  const body = { apiVersion: "v1", kind: "Secret", metadata: { name: "null" }, data: { a: null } };
  assert.equal((await answer("POST", "/api/v1/namespaces/default/secrets?dryRun=All", { body })).http, 201);
});

test("what was decided about a request, and why, is in its audit event", async () => {
  const decided = async (user: typeof admin, target: string): Promise<unknown> => {
    audited.length = 0;
    await send("GET", target, { user });
    return audited.at(-1)?.annotations;
  };
  const decision = "authorization.k8s.io/decision";
  const reason = "authorization.k8s.io/reason";
  assert.deepEqual(await decided(admin, "/api/v1/pods"), { [decision]: "allow", [reason]: "" });
  const jane = { name: "jane", groups: ["system:authenticated"] };
  assert.deepEqual(await decided(jane, "/api/v1/pods"), { [decision]: "forbid", [reason]: "" });
  const discovers = 'RBAC: allowed by ClusterRoleBinding "system:discovery" of ClusterRole "system:discovery" to Group "system:authenticated"';
  assert.deepEqual(await decided(jane, "/api"), { [decision]: "allow", [reason]: discovers });
});

test("a fault of the server's own is audited as a panic, and as nothing else", async () => {
  const { admission } = server.api.server.rest;
  const from = audited.length;
  server.api.server.rest.admission = { ...admission, mutate: () => Promise.reject(new TypeError("it broke")) };
  const { http, message } = await answer("POST", configmaps, { body: cm("broken") });
  server.api.server.rest.admission = admission;
  assert.deepEqual([http, message], [500, "Internal error occurred: it broke"]);
  assert.deepEqual(
    audited.slice(from).map(({ stage, responseStatus }) => [stage, responseStatus?.code, responseStatus?.message]),
    [["Panic", 500, "APIServer panic'd: it broke"]],
  );
});

test("a WebSocket to a pod takes the right to create, and is audited whether it is refused or not", async () => {
  const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
  const jane = { name: "jane", groups: ["system:authenticated"] };
  const rule = (verbs: string[]): object => ({ metadata: { name: "ex" }, rules: [{ apiGroups: [""], resources: ["pods/exec"], verbs }] });
  await answer("POST", `${rbac}/roles`, { body: rule(["get"]) });
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "ex" };
  await answer("POST", `${rbac}/rolebindings`, { body: { metadata: { name: "ex" }, roleRef, subjects: [{ kind: "User", name: "jane" }] } });
  const request = (): ApiRequest => ({
    method: "GET",
    path: "/api/v1/namespaces/default/pods/p/exec",
    query: new URLSearchParams("command=ls"),
    headers: {},
    user: jane,
    remoteAddress: "127.0.0.1",
    signal: new AbortController().signal,
  });
  const from = audited.length;
  await assert.rejects(server.api.server.admit(request()), { code: 403, message: 'pods "p" is forbidden: ' });
  await answer("PUT", `${rbac}/roles/ex`, { body: rule(["get", "create"]) });
  const admitted = await server.api.server.admit(request());
  admitted.started(101);
  admitted.ended();
  const seen = audited.slice(from).filter(({ objectRef }) => objectRef?.subresource === "exec");
  assert.deepEqual(
    seen.map(({ stage, responseStatus, user }) => [stage, responseStatus?.code, user.username]),
    [
      ["ResponseComplete", 403, "jane"],
      ["ResponseStarted", 101, "jane"],
      ["ResponseComplete", 101, "jane"],
    ],
  );
});
