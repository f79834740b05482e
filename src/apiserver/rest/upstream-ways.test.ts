/** Ways of upstream's that are easily taken for mistakes, each found beside a kube-apiserver. */
import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { TestServer } from "../assembled.fixture.ts";

const server = new TestServer();
before(() => server.start());
after(() => server[Symbol.asyncDispose]());
const { clock } = server;
const answer = server.answer.bind(server);
const merge = "application/merge-patch+json";
const apply = "application/apply-patch+yaml";
const core = "/api/v1/namespaces/default";

test("an empty list is refused as it came and answered as it is stored", async () => {
  const roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
  const made = await answer("POST", roles, { metadata: { name: "none" }, rules: [] });
  assert.equal(made.rules, null);
  assert.deepEqual(made.metadata.managedFields?.[0]?.fieldsV1, { "f:rules": {} });
  const labels = { template: { metadata: { labels: {} } }, selector: { matchLabels: { a: "b" } } };
  const refused = await answer("POST", "/apis/apps/v1/namespaces/default/replicasets", { metadata: { name: "r" }, spec: labels });
  assert.match(refused.message ?? "", /spec\.template\.metadata\.labels: Invalid value: \{\}: `selector` does not match/);
});

test("a Scale is applied like anything else, and its refusals show who manages the replicas", async () => {
  const sets = "/apis/apps/v1/namespaces/default/replicasets";
  const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
  const spec = { replicas: 2, selector: { matchLabels: { a: "b" } }, template };
  assert.equal((await answer("POST", `${sets}?fieldManager=first`, { metadata: { name: "s" }, spec })).http, 201);
  const scale = { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "s" }, spec: { replicas: 3 } };
  const taken = await answer("PATCH", `${sets}/s/scale?fieldManager=m`, scale, apply);
  assert.equal(taken.message, 'Apply failed with 1 conflict: conflict with "first" using autoscaling/v1: .spec.replicas');
  assert.equal((await answer("PATCH", `${sets}/s/scale?fieldManager=m&force=true`, scale, apply)).http, 200);
  const misfit = await answer("PATCH", `${sets}/s/scale`, { spec: { replicas: "3" } }, merge);
  assert.match(misfit.message ?? "", /\\"managedFields\\":\[\{\\"manager\\":\\"m\\"/);
  const put = (resourceVersion: string) => answer("PUT", `${sets}/s/scale`, { ...scale, metadata: { name: "s", resourceVersion } });
  assert.equal((await put("x")).message, 'strconv.ParseUint: parsing "x": invalid syntax');
  assert.equal((await put("1")).reason, "Conflict");
  assert.equal((await put("0")).http, 200);
});

test("a page that names a revision means that very one", async () => {
  const { metadata } = await answer("GET", `${core}/configmaps?limit=1`);
  await answer("POST", `${core}/configmaps`, { metadata: { name: "later" } });
  const before = await answer("GET", `${core}/configmaps?limit=500&resourceVersion=${metadata.resourceVersion}`);
  const since = await answer("GET", `${core}/configmaps?resourceVersion=${metadata.resourceVersion}`);
  assert.equal(
    before.items?.some((item) => item.metadata.name === "later"),
    false,
  );
  assert.equal(
    since.items?.some((item) => item.metadata.name === "later"),
    true,
  );
});

test("a deletion of a collection that names a revision takes what there was then", async () => {
  const first = await answer("POST", `${core}/resourcequotas`, { metadata: { name: "early", labels: { a: "then" }, finalizers: ["example.com/f"] } });
  await answer("POST", `${core}/resourcequotas`, { metadata: { name: "late", labels: { a: "then" } } });
  const gone = await answer("DELETE", `${core}/resourcequotas?labelSelector=a%3Dthen&resourceVersion=${first.metadata.resourceVersion}`);
  assert.deepEqual(
    gone.items?.map((item) => item.metadata.name),
    ["early"],
  );
  assert.equal((await answer("GET", `${core}/resourcequotas/late`)).metadata.deletionTimestamp, undefined);
});

test("a patch that is not looked at is refused in the words of the one who merges", async () => {
  await answer("POST", `${core}/configmaps`, { metadata: { name: "p" } });
  assert.equal((await answer("PATCH", `${core}/configmaps/p?fieldValidation=Ignore`, "a: 1", merge)).message, "Invalid JSON Patch");
  assert.match((await answer("PATCH", `${core}/configmaps/p`, "a: 1", merge)).message ?? "", /^error decoding patch: /);
});

test("a token that is no text is named by its first byte", async () => {
  const refused = await answer("GET", `${core}/configmaps?limit=1&continue=nonsense`);
  assert.equal(refused.message, "invalid continue token: continue key is not valid: invalid character '\\u009e' looking for beginning of value");
});

test("a deletion that takes the last finalizer forgets the revision that it was to insist on", async () => {
  const made = await answer("POST", `${core}/configmaps`, { metadata: { name: "held", finalizers: ["orphan"] } });
  const { resourceVersion } = made.metadata;
  const refused = await answer("DELETE", `${core}/configmaps/held`, { orphanDependents: false, preconditions: { resourceVersion } });
  assert.equal(refused.http, 409);
  assert.match(refused.message ?? "", /ResourceVersion in precondition: , ResourceVersion in object meta: \d+$/);
  assert.equal((await answer("DELETE", `${core}/configmaps/held`, { orphanDependents: false })).http, 200);
});

test("an event is never held for a garbage collector", async () => {
  const involvedObject = { kind: "Pod", namespace: "default", name: "p" };
  await answer("POST", `${core}/events`, { metadata: { name: "e", finalizers: ["foregroundDeletion"] }, involvedObject });
  assert.equal((await answer("DELETE", `${core}/events/e`)).kind, "Status");
  assert.equal((await answer("GET", `${core}/events/e`)).http, 404);
});

test("an object that goes already is shown to who deletes it again", async () => {
  await answer("POST", `${core}/configmaps`, { metadata: { name: "going", finalizers: ["example.com/f"] } });
  await answer("DELETE", `${core}/configmaps/going`);
  assert.equal((await answer("DELETE", `${core}/configmaps/going`)).kind, "ConfigMap");
});

test("ports of a service with one number share a node port", async () => {
  const ports = [
    { name: "a", port: 80 },
    { name: "b", port: 80, protocol: "UDP" },
    { name: "c", port: 81 },
  ];
  const made = await answer("POST", `${core}/services`, { metadata: { name: "np" }, spec: { type: "NodePort", ports } });
  const given = (made.spec?.ports ?? []) as { nodePort: number }[];
  const [a, b, c] = given.map((port) => port.nodePort);
  assert.equal(a, b);
  assert.notEqual(a, c);
});

test("a service without a name fails for its address, an external name for a policy that is never shown", async () => {
  const nameless = await answer("POST", `${core}/services`, {});
  assert.match(
    nameless.details?.causes?.[0]?.message ?? "",
    /failed to allocate IP: IPAddress\.networking\.k8s\.io "[\d.]+" is invalid: spec\.parentRef\.name: Required value$/,
  );
  const spec = { type: "ExternalName", externalName: "a.example.com", internalTrafficPolicy: "x" };
  assert.equal((await answer("POST", `${core}/services`, { metadata: { name: "ext" }, spec })).http, 422);
  const made = await answer("POST", `${core}/services`, { metadata: { name: "ext" }, spec: { ...spec, internalTrafficPolicy: "Local" } });
  assert.equal(made.spec?.internalTrafficPolicy, undefined);
  assert.equal((await answer("GET", `${core}/services/ext/status`)).spec?.internalTrafficPolicy, "Local");
  assert.equal((await answer("DELETE", `${core}/services/ext`, { propagationPolicy: "Foreground" })).spec?.internalTrafficPolicy, "Local");
  assert.equal((await answer("DELETE", `${core}/services/ext?propagationPolicy=Background`)).spec?.internalTrafficPolicy, undefined);
  const held = await answer("POST", `${core}/services`, {
    metadata: { name: "held", finalizers: ["a.b/c"] },
    spec: { ...spec, internalTrafficPolicy: "Local" },
  });
  assert.equal(held.spec?.internalTrafficPolicy, undefined);
  await answer("DELETE", `${core}/services/held`);
  const last = await answer("PATCH", `${core}/services/held`, { metadata: { finalizers: null } }, merge);
  assert.equal(last.spec?.internalTrafficPolicy, "Local");
});

test("a namespace whose deletion is tried is shown as it would be", async () => {
  await answer("POST", "/api/v1/namespaces", { metadata: { name: "tried" } });
  const tried = await answer("DELETE", "/api/v1/namespaces/tried", { dryRun: ["All"], propagationPolicy: "Foreground" });
  assert.equal(tried.status?.phase, "Terminating");
  assert.deepEqual(tried.metadata.finalizers, ["foregroundDeletion"]);
  assert.equal((await answer("GET", "/api/v1/namespaces/tried")).metadata.deletionTimestamp, undefined);
});

test("POST takes away what only the server writes before anybody manages it, apply and PUT keep it", async () => {
  const metadata = { name: "wiped", selfLink: "x", deletionTimestamp: "2026-01-02T03:04:05Z", deletionGracePeriodSeconds: 5 };
  const posted = await answer("POST", `${core}/configmaps`, { metadata, data: { a: "1" } });
  assert.deepEqual(posted.metadata.managedFields?.[0]?.fieldsV1, { "f:data": { ".": {}, "f:a": {} } });
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { ...metadata, name: "kept" } };
  const tried = await answer("PATCH", `${core}/configmaps/kept?fieldManager=m&dryRun=All`, object, apply);
  assert.equal(tried.metadata.selfLink, "x");
  const made = await answer("PATCH", `${core}/configmaps/kept?fieldManager=m`, object, apply);
  assert.equal(made.metadata.selfLink, undefined);
  assert.equal(made.metadata.deletionTimestamp, metadata.deletionTimestamp);
});

test("a dry run that takes the last finalizer is answered with an empty object", async () => {
  const jobs = "/apis/batch/v1/namespaces/default/jobs";
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] } };
  await answer("POST", jobs, { metadata: { name: "j", finalizers: ["foregroundDeletion"] }, spec: { template } });
  const { http, ...tried } = await answer("DELETE", `${jobs}/j`, { dryRun: ["All"], propagationPolicy: "Background" });
  assert.equal(http, 200);
  const spec = { template: { metadata: {}, spec: { containers: null } } };
  assert.deepEqual(tried, { kind: "Job", apiVersion: "batch/v1", metadata: {}, spec, status: {} });
  const sets = "/apis/apps/v1/namespaces/default/replicasets";
  const pods = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
  const held = { metadata: { name: "held", finalizers: ["orphan"] }, spec: { replicas: 3, selector: { matchLabels: { a: "b" } }, template: pods } };
  assert.equal((await answer("POST", sets, held)).http, 201);
  assert.deepEqual((await answer("DELETE", `${sets}/held?dryRun=All&propagationPolicy=Background`)).spec, { replicas: 0, selector: null, ...spec });
});

test("an update that takes the last finalizer of what is on its way out is answered as it came, not as it would be stored", async () => {
  const roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
  const role = { metadata: { name: "going", annotations: {} }, rules: [] };
  assert.equal((await answer("POST", roles, { ...role, metadata: { ...role.metadata, finalizers: ["a.b/c"] } })).rules, null);
  await answer("DELETE", `${roles}/going`);
  assert.deepEqual((await answer("PUT", `${roles}/going?dryRun=All`, role)).rules, []);
  const gone = await answer("PUT", `${roles}/going`, role);
  assert.deepEqual([gone.http, gone.rules, "annotations" in gone.metadata], [200, [], false]);
  assert.equal((await answer("GET", `${roles}/going`)).http, 404);
});

test("a collection is deleted in its order up to the first that preconditions keep", async () => {
  const make = (name: string) => answer("POST", `${core}/configmaps`, { metadata: { name, labels: { row: "x" } } });
  const [, second] = [await make("row-a"), await make("row-b"), await make("row-c")];
  const refused = await answer("DELETE", `${core}/configmaps?labelSelector=row`, { preconditions: { uid: second.metadata.uid } });
  assert.match(refused.message ?? "", /^Operation cannot be fulfilled on ConfigMap "row-a": the UID in the precondition/);
  assert.equal((await answer("GET", `${core}/configmaps?labelSelector=row`)).items?.length, 3);
});

test("a patch that leaves neither name nor namespace is told of the namespace first", async () => {
  await answer("POST", `${core}/configmaps`, { metadata: { name: "moved" } });
  const move = [{ op: "move", from: "/metadata/name", path: "/metadata/namespace" }];
  const refused = await answer("PATCH", `${core}/configmaps/moved`, move, "application/json-patch+json");
  assert.equal(refused.message, "the namespace of the provided object does not match the namespace sent on the request");
});

test("an apply of the status of a namespace that is not there does not make one", async () => {
  const object = { apiVersion: "v1", kind: "Namespace", metadata: { name: "absent" }, status: {} };
  assert.equal((await answer("PATCH", "/api/v1/namespaces/absent/status?fieldManager=m", object, apply)).reason, "NotFound");
});

const as = (kind: string): string => `application/json;as=${kind};v=v1;g=meta.k8s.io,application/json`;
const get = (path: string, kind: string) => answer("GET", path, undefined, "application/json", as(kind));

test("metadata of one is not asked of many, nor of many of one; the write was made all the same", async () => {
  const many = await get(`${core}/configmaps`, "PartialObjectMetadata");
  assert.equal(many.message, "you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)");
  const one = await answer("POST", `${core}/configmaps`, { metadata: { name: "one" } }, "application/json", as("PartialObjectMetadataList"));
  assert.equal(one.message, "you requested PartialObjectMetadataList, but the requested object is not a list (*core.ConfigMap)");
  assert.equal((await answer("GET", `${core}/configmaps/one`)).http, 200);
  const table = await get(`${core}/configmaps?includeObject=x`, "Table");
  assert.match(table.message ?? "", /^Unable to convert to Table as requested: includeObject: Invalid value: "x": must be /);
});

test("a Scale has a table and metadata of its own", async () => {
  const spec = { replicas: 2, selector: { a: "b" }, template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } } };
  await answer("POST", `${core}/replicationcontrollers`, { metadata: { name: "rc" }, spec });
  const table = (await get(`${core}/replicationcontrollers/rc/scale`, "Table")) as unknown as {
    columnDefinitions: { name: string }[];
    rows: { cells: unknown[] }[];
  };
  assert.deepEqual(
    table.columnDefinitions.map(({ name }) => name),
    ["Name", "Desired", "Available", "Age"],
  );
  assert.deepEqual(table.rows[0]?.cells.slice(0, 3), ["rc", 2, 0]);
  assert.equal((await get(`${core}/replicationcontrollers/rc/scale`, "PartialObjectMetadata")).kind, "PartialObjectMetadata");
});

test("HEAD is no method of a resource", async () => {
  assert.equal((await answer("HEAD", `${core}/configmaps`)).http, 405);
  assert.equal((await answer("POST", "/api/v1")).http, 405);
});

test("a binding without the pod's name is refused before its target is looked at", async () => {
  const refused = await answer("POST", `${core}/pods/p/binding`, {});
  assert.equal(refused.message, "name in URL does not match name in Binding object");
});

/** What a watch gives until `count` events have come. */
const watched = (query: string, count: number, resource = `${core}/secrets`, accept = "") =>
  server.watched(`${resource}?${query.startsWith("watch=") ? query : `watch=1&${query}`}`, count, accept);

test("an initial state is marked for those who take bookmarks, asked for or not, and left out for those who want none", async () => {
  await answer("POST", `${core}/secrets`, { metadata: { name: "seen" } });
  const types = async (query: string, count: number) => (await watched(query, count)).map((event) => event.type);
  assert.deepEqual(await types("allowWatchBookmarks=true", 2), ["ADDED", "BOOKMARK"]);
  const unmarked = watched("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&fieldSelector=metadata.name%3Dseen", 2);
  const none = watched("sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=0&fieldSelector=metadata.name%3Dseen", 1);
  await new Promise((resolve) => setImmediate(resolve));
  await answer("PATCH", `${core}/secrets/seen`, { metadata: { labels: { a: "b" } } }, merge);
  assert.deepEqual(
    (await unmarked).map((event) => event.type),
    ["ADDED", "MODIFIED"],
  );
  assert.equal((await none)[0]?.object.metadata.labels?.a, "b");
});

test("the bookmark of DaemonSets says the generation that upstream stores as a field", async () => {
  const [bookmark] = await watched("allowWatchBookmarks=true", 1, "/apis/apps/v1/daemonsets");
  assert.deepEqual(bookmark?.object.metadata.annotations, { "deprecated.daemonset.template.generation": "0", "k8s.io/initial-events-end": "true" });
});

test("a bookmark is a row of nothing in a table", async () => {
  const cellsOf = async (path: string): Promise<unknown[] | undefined> => {
    const events = await watched("allowWatchBookmarks=true", 1, path, as("Table"));
    return (events as unknown as { object: { rows: { cells: unknown[] }[] } }[])[0]?.object.rows[0]?.cells;
  };
  assert.deepEqual(await cellsOf(`${core}/limitranges`), ["", "0001-01-01T00:00:00Z"]);
  assert.deepEqual((await cellsOf("/apis/autoscaling/v1/horizontalpodautoscalers"))?.slice(0, 3), ["", "/", "<none>"]);
});

test("a watch is held to what an old client means by it, on the old path to the rules of a list", async () => {
  const forbidden = (query: string, path = core) => answer("GET", `${path}/configmaps?${query}`);
  assert.match(
    (await forbidden("watch=1&resourceVersion=0&continue=x&fieldSelector=spec.x%3D1")).message ?? "",
    /resourceVersionMatch is forbidden when continue is provided/,
  );
  const old = await forbidden("sendInitialEvents=true", "/api/v1/watch/namespaces/default");
  assert.match(old.message ?? "", /sendInitialEvents is forbidden for list/);
});

test("any version will do for what follows a page, and all of it comes", async () => {
  for (const name of ["p1", "p2", "p3"])
    await answer("POST", `${core}/podtemplates`, {
      metadata: { name, labels: { page: "a" } },
      template: { spec: { containers: [{ name: "c", image: "i" }] } },
    });
  const first = await answer("GET", `${core}/podtemplates?labelSelector=page&limit=1`);
  const rest = await answer(
    "GET",
    `${core}/podtemplates?labelSelector=page&limit=1&resourceVersion=0&continue=${(first.metadata as { continue?: string }).continue}`,
  );
  assert.deepEqual(
    rest.items?.map(({ metadata }) => metadata.name),
    ["p2", "p3"],
  );
});

test("what is tried in a namespace that is not there misses the namespace first", async () => {
  const evicted = answer("POST", "/api/v1/namespaces/nowhere/pods/p/eviction", { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "p" } });
  // The server waits a moment for the namespace.
  await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(1000);
  assert.equal((await evicted).message, 'namespaces "nowhere" not found');
});

test("a name that is still to be made is not known to those who admit the object", async () => {
  const user = { name: "system:node:n1", groups: ["system:nodes", "system:authenticated"] };
  const refused = await answer("POST", "/api/v1/nodes", { metadata: { generateName: "gn-" } }, "application/json", "", user);
  assert.equal(refused.message, 'nodes "gn-" is forbidden: node "n1" is not allowed to modify node ""');
});

test("a collection is deleted though its answer has no such form", async () => {
  await answer("POST", `${core}/configmaps`, { metadata: { name: "unshown", labels: { gone: "a" } } });
  const refused = await answer("DELETE", `${core}/configmaps?labelSelector=gone`, {}, "application/json", as("PartialObjectMetadata"));
  assert.equal(refused.http, 406);
  assert.equal((await answer("GET", `${core}/configmaps/unshown`)).http, 404);
});

test("nothing follows one that is named", async () => {
  for (const name of ["named-a", "named-b"]) await answer("POST", `${core}/configmaps`, { metadata: { name } });
  const page = await answer("GET", `${core}/configmaps?fieldSelector=metadata.name%3Dnamed-a&limit=1`);
  assert.equal((page.metadata as { continue?: string }).continue, undefined);
});

test("a binding insists on the pod that it names, in the words of the storage", async () => {
  await answer("POST", `${core}/pods`, { metadata: { name: "bound" }, spec: { containers: [{ name: "c", image: "i" }] } });
  const target = { kind: "Node", name: "n1" };
  const refused = await answer("POST", `${core}/pods/bound/binding`, { metadata: { name: "bound", uid: "x" }, target });
  assert.match(refused.message ?? "", /^Operation cannot be fulfilled on pods "bound": StorageError: .* Precondition failed: UID in precondition: x,/);
  assert.equal((await answer("POST", `${core}/bindings`, { metadata: { name: "bound", uid: "x" }, target })).http, 201, "but not by the old path");
});

test("a runtime class that no path can name is the server's failure", async () => {
  const spec = { runtimeClassName: "/abs", containers: [{ name: "c", image: "i" }] };
  const refused = await answer("POST", `${core}/pods`, { metadata: { name: "rc" }, spec });
  assert.equal(refused.http, 500);
  assert.equal(refused.message, `invalid resource name "/abs": [may not contain '/']`);
});

test("the old path of a watch may name one object, and its selector no other", async () => {
  const path = `/api/v1/watch/namespaces/default/secrets/only`;
  await answer("POST", `${core}/secrets`, { metadata: { name: "only" } });
  const events = await watched("allowWatchBookmarks=true&fieldSelector=%3D", 2, path);
  assert.deepEqual(
    events.map(({ type, object }) => `${type} ${object.metadata.name ?? ""}`),
    ["ADDED only", "BOOKMARK "],
  );
  const unmarked = watched("watch=0&allowWatchBookmarks=true", 2, path);
  // It has to have begun before there is a change to be seen.
  await new Promise((resolve) => setImmediate(resolve));
  await answer("PATCH", `${core}/secrets/only`, { metadata: { labels: { a: "b" } } }, "application/merge-patch+json");
  const types = (await unmarked).map(({ type }) => type);
  assert.deepEqual(types, ["ADDED", "MODIFIED"]);
  const refused = await answer("GET", `${path}?watch=1&fieldSelector=metadata.name%3Dx`);
  assert.equal(refused.message, "fieldSelector metadata.name doesn't match requested name");
});

test("the selectors of a deletion are read before its options", async () => {
  const refused = await answer("DELETE", `${core}/configmaps?fieldSelector=spec.x%3D1`, { kind: "Nope", apiVersion: "x/y" });
  assert.match(refused.message ?? "", /"spec.x" is not a known field selector/);
});

test("an AppArmor annotation that becomes a field is warned of", async () => {
  const annotations = { "container.apparmor.security.beta.kubernetes.io/c": "unconfined" };
  const made = await answer("POST", `${core}/pods`, { metadata: { name: "armored", annotations }, spec: { containers: [{ name: "c", image: "i" }] } });
  assert.match(made.warnings?.[0] ?? "", /deprecated since v1.30; use the "appArmorProfile" field instead/);
});

test("what a quota has been charged is managed by the server", async () => {
  const hard = { "count/podtemplates": "3" };
  await answer("POST", `${core}/resourcequotas`, { metadata: { name: "q" }, spec: { hard } });
  await answer("PATCH", `${core}/resourcequotas/q/status`, { status: { hard, used: { "count/podtemplates": "0" } } }, merge);
  await answer("POST", `${core}/podtemplates`, { metadata: { name: "t" }, template: { spec: { containers: [{ name: "c", image: "i" }] } } });
  const { metadata } = await answer("GET", `${core}/resourcequotas/q`);
  const entry = metadata.managedFields?.find(({ manager }) => manager === "kube-apiserver");
  assert.deepEqual(entry?.fieldsV1, { "f:status": { "f:used": { "f:count/podtemplates": {} } } });
  assert.equal(entry?.subresource, "status");
});

test("a body of another kind is read as that kind before it is refused", async () => {
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "x" }, spec: { containers: [] } };
  const refused = await answer("POST", `${core}/configmaps?fieldValidation=Strict`, pod);
  assert.match(refused.message ?? "", /converting \(v1\.Pod\) to \(core\.ConfigMap\): unknown conversion$/);
});

test("a version that does not exist is missed within a group that does", async () => {
  assert.equal((await answer("GET", "/apis/apps/v9/namespaces/default/deployments/x")).reason, "NotFound");
  assert.equal((await answer("GET", "/apis/nobody.example.com/v9/things/x")).message, "404 page not found\n");
});

test("a patch that the router lets by and nobody reads is warned of what its kind is, one that it does not is not", async () => {
  await answer("POST", `${core}/endpoints`, { metadata: { name: "old" } });
  const routed = await answer("PATCH", `${core}/endpoints/old`, {}, `${merge},x`);
  assert.deepEqual([routed.http, routed.warnings?.length], [415, 1]);
  const refused = await answer("PATCH", `${core}/endpoints/old`, {}, "text/plain");
  assert.deepEqual([refused.http, refused.warnings?.length ?? 0], [415, 0]);
});
