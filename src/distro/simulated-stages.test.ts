import assert from "node:assert/strict";
import { test } from "node:test";
import { isNotFound } from "../api/status.ts";
import { clusterrolebindings, clusterroles, deployments, events, namespaces, persistentvolumeclaims, pods } from "../client/resources.gen.ts";
import { type Cluster, startCluster } from "./start-cluster.ts";

const spec = { containers: [{ name: "c", image: "i" }] };

test("stages beyond a kubelet's rights are carried out as the simulator, events as the node", async () => {
  const stages = `
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: adopt}
spec:
  resourceRef: {kind: Pod}
  selector:
    matchExpressions:
    - {key: '.metadata.labels.seen', operator: DoesNotExist}
  steps:
  - event: {type: Normal, reason: Seen, message: the pod was seen}
  - finalizers: {add: [{value: example.com/sim}]}
  - patch: {type: merge, root: metadata, template: "labels: {seen: 'yes'}"}
`;
  const lines: string[] = [];
  const log = (message: string, fields?: object): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const logger = { debug() {}, info() {}, warn: log, error: log, child: () => logger };
  await using own = await startCluster({ clock: "virtual", seed: 1, stages, logger });
  await own.client.resource(pods).create("default", { metadata: { name: "p" }, spec });
  await own.advance(5000);
  const pod = await own.client.resource(pods).get("default", "p");
  assert.equal(pod.metadata.labels?.seen, "yes");
  assert.deepEqual(pod.metadata.finalizers, ["example.com/sim"]);
  const seen = (await own.client.resource(events).list({ namespace: "default" })).items.find((event) => event.reason === "Seen");
  assert.deepEqual([seen?.source?.component, seen?.source?.host, seen?.involvedObject.name], ["kubelet", "node", "p"]);
  assert.ok(lines.some((line) => /not checked by NodeRestriction.*"adopt"/.test(line)));
});

const other = (name: string, resourceRef: string, spec: string): string => `---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: Stage
metadata: {name: ${name}}
spec:
  resourceRef: {${resourceRef}}
${spec}`;

test("stages of other kinds patch, apply, delete and report as the simulator", async () => {
  const stages =
    other(
      "provision",
      "kind: PersistentVolumeClaim",
      `  selector:
    matchExpressions:
    - {key: .spec.volumeName, operator: DoesNotExist}
  steps:
  - event: {type: Normal, reason: Provisioning, message: a volume is made}
  - apply:
      template: |
        apiVersion: v1
        kind: PersistentVolume
        metadata: {name: pv-{{ .metadata.name }}}
        spec:
          accessModes: {{ toJson .spec.accessModes }}
          capacity: {{ toJson .spec.resources.requests }}
          storageClassName: {{ .spec.storageClassName }}
          hostPath: {path: /tmp}
          claimRef: {name: {{ .metadata.name }}, namespace: {{ .metadata.namespace }}}
  - patch: {root: spec, template: 'volumeName: pv-{{ .metadata.name }}'}
`,
    ) +
    other(
      "old",
      "apiGroup: apps/v1, kind: Deployment",
      `  selector: {matchLabels: {old: 'yes'}}
  steps:
  - patch: {type: json, root: metadata, template: '[{op: replace, path: /labels/old, value: gone}]'}
  - delete: true
  - patch: {root: metadata, template: 'labels: {too: late}'}
  - event: {type: Normal, reason: Removed, message: it was old}
`,
    );
  await using own = await startCluster({ clock: "virtual", seed: 1, stages });
  const claim = { accessModes: ["ReadWriteOnce"], storageClassName: "fast", resources: { requests: { storage: "1Gi" } } };
  await own.client.resource(persistentvolumeclaims).create("default", { metadata: { name: "a" }, spec: claim });
  const template = { metadata: { labels: { a: "b" } }, spec };
  await own.client
    .resource(deployments)
    .create("default", { metadata: { name: "d", labels: { old: "yes" } }, spec: { replicas: 0, selector: { matchLabels: { a: "b" } }, template } });
  await own.advance(30_000);
  const bound = await own.client.resource(persistentvolumeclaims).get("default", "a");
  assert.deepEqual([bound.spec.volumeName, bound.status?.phase], ["pv-a", "Bound"]);
  const [event] = (await own.client.resource(events).list({ namespace: "default" })).items.filter((e) => e.reason === "Provisioning");
  assert.equal(event?.source?.component, "k8ts-simulator");
  await assert.rejects(own.client.resource(deployments).get("default", "d"), isNotFound);
  const removed = (await own.client.resource(events).list({ namespace: "default" })).items.filter((e) => e.reason === "Removed");
  assert.deepEqual(
    removed.map(({ count, involvedObject }) => [count, involvedObject.kind, involvedObject.name]),
    [[1, "Deployment", "d"]],
    "after a deletion only events follow",
  );
});

test("a stage acts as whom it impersonates, with that user's rights and no others", async () => {
  const stages = other(
    "named",
    "kind: Namespace",
    `  selector:
    matchLabels: {staged: 'yes'}
    matchExpressions: [{key: .status.conditions, operator: DoesNotExist}]
  next:
    event: {type: Normal, reason: Tried, message: once}
    statusPatchAs: {username: alice}
    statusTemplate: |
      conditions: [{type: Staged, status: "True"}]
`,
  );
  const lines: string[] = [];
  const log = (message: string, fields: { error?: Error } = {}): void => void lines.push(`${message} ${String(fields.error)}`);
  const logger = { debug() {}, info() {}, warn: log, error: log, child: () => logger };
  await using own = await startCluster({ clock: "virtual", seed: 1, stages, logger });
  const api = own.client.resource(namespaces);
  await api.create("", { metadata: { name: "n", labels: { staged: "yes" } } });
  await own.advance(1000);
  assert.equal((await api.get("", "n")).status?.conditions, undefined);
  assert.ok(
    lines.some((line) => /a stage was refused .*User "alice" cannot patch resource "namespaces\/status"/.test(line)),
    lines.join("\n"),
  );
  await own.client
    .resource(clusterroles)
    .create("", { metadata: { name: "alice" }, rules: [{ apiGroups: [""], resources: ["namespaces/status"], verbs: ["patch"] }] });
  const subjects = [{ kind: "User", name: "alice", apiGroup: "rbac.authorization.k8s.io" }];
  await own.client
    .resource(clusterrolebindings)
    .create("", { metadata: { name: "alice" }, roleRef: { kind: "ClusterRole", name: "alice", apiGroup: "rbac.authorization.k8s.io" }, subjects });
  await own.advance(60_000);
  assert.deepEqual(
    (await api.get("", "n")).status?.conditions?.map((c) => c.type),
    ["Staged"],
  );
  const tried = (await own.client.resource(events).list()).items.filter((event) => event.reason === "Tried");
  assert.deepEqual(
    tried.map(({ count }) => count),
    [1],
    "what had been done before the refusal is not done again",
  );
});

test("a kind that is not served is refused with what is", async () => {
  const start = (resourceRef: string): Promise<Cluster> =>
    startCluster({ clock: "virtual", seed: 1, stages: other("s", resourceRef, "  selector: {}\n  next: {delete: true}\n") });
  await assert.rejects(start("apiGroup: v1, kind: Deployment"), {
    name: "StageFileError",
    message: "stages:6: spec.resourceRef: the API server serves no Deployment of v1; this kind is served in apps/v1",
  });
  await assert.rejects(start("apiGroup: policy/v1, kind: Budget"), {
    message: "stages:6: spec.resourceRef: the API server serves no Budget of policy/v1; the kinds of policy/v1 are PodDisruptionBudget",
  });
  await assert.rejects(start("apiGroup: example.com/v1, kind: Thing"), { message: /no Thing of example\.com\/v1; example\.com\/v1 is not served at all/ });
});
