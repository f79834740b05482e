import assert from "node:assert/strict";
import { test } from "node:test";
import { selectorFromSet } from "../api/selectors/labels.ts";
import type { PersistentVolume, PersistentVolumeClaim, Pod, PodSpec } from "../api/types/core-v1.gen.ts";
import type { StorageClass } from "../api/types/storage-v1.gen.ts";
import { defaultProfile, makeNode, makePod, World } from "./fixtures.ts";
import { fitMessage } from "./framework/message.ts";
import { podInfoOf } from "./framework/pod-info.ts";
import { enoughNodes } from "./framework/schedule.ts";

const zone = (name: string): Record<string, string> => ({ "topology.kubernetes.io/zone": name });
const on = (node: string, spec: Parameters<typeof makePod>[1] = {}): Pod => makePod(`on-${node}`, { ...spec, nodeName: node });

test("the message counts reasons and sorts them as text", () => {
  const world = new World({
    nodes: [
      makeNode("a", { allocatable: { cpu: "1", memory: "1Gi" } }),
      makeNode("b", { spec: { taints: [{ key: "x", effect: "NoSchedule" }] } }),
      makeNode("c", { spec: { unschedulable: true } }),
      makeNode("d", { allocatable: { cpu: "1" } }),
    ],
  });
  const { diagnosis } = world.evaluate(makePod("p", { requests: { cpu: "2", memory: "2Gi" } }));
  assert.equal(
    fitMessage(diagnosis),
    "0/4 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable, 2 Insufficient cpu.",
  );
});

test("a cluster without nodes has its own sentence", () => {
  assert.equal(fitMessage(new World().evaluate(makePod("p")).diagnosis), "no nodes available to schedule pods");
});

test("an affinity to names confines the search and says so of the others", () => {
  const nodeAffinity = {
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["b"] }] }] },
  };
  const pod = makePod("p", { affinity: { nodeAffinity } });
  assert.deepEqual(new World({ nodes: [makeNode("a"), makeNode("b")] }).feasible(pod), ["b"]);
  const { diagnosis } = new World({ nodes: [makeNode("a"), makeNode("c")] }).evaluate(pod);
  assert.equal(fitMessage(diagnosis), "0/2 nodes are available: 2 node(s) didn't satisfy plugin(s) [NodeAffinity].");
});

test("what was said of a node is forgotten when the node changes", () => {
  const world = new World({ nodes: [makeNode("a", { spec: { unschedulable: true } })] });
  const pod = makePod("p");
  assert.deepEqual(world.feasible(pod), []);
  world.cache.setNode(makeNode("a"));
  assert.deepEqual(world.feasible(pod), ["a"]);
  world.cache.setNode(makeNode("a", { spec: { taints: [{ key: "x", effect: "NoExecute" }] } }));
  assert.deepEqual(world.feasible(pod), []);
});

test("a row is used again for another node without anything left of the first", () => {
  const world = new World({ nodes: [makeNode("a", { spec: { unschedulable: true }, labels: zone("z") })], pods: [on("a", { requests: { cpu: "3" } })] });
  const [placed] = [...(world.cache.snapshot().rows[0]?.pods.values() ?? [])];
  world.cache.deletePod(placed?.uid as string);
  world.cache.deleteNode("a");
  world.cache.setNode(makeNode("b"));
  assert.equal(world.cache.rowOf("b"), 0);
  assert.deepEqual(world.feasible(makePod("p", { requests: { cpu: "4" } })), ["b"]);
});

test("pods that wait for their binding count, and no more when it fails", () => {
  const world = new World({ nodes: [makeNode("a")] });
  const first = makePod("p", { requests: { cpu: "3" } });
  assert.equal(world.place(first), "a");
  assert.equal(world.place(makePod("q", { requests: { cpu: "3" } })), undefined);
  world.cache.forget(first.metadata.uid);
  assert.equal(world.place(makePod("r", { requests: { cpu: "3" } })), "a");
});

test("host ports clash by port, protocol and address", () => {
  const ports = (hostIP: string, protocol = "TCP"): Partial<PodSpec> => ({
    containers: [{ name: "c", image: "i", ports: [{ containerPort: 1, hostPort: 80, hostIP, protocol }] }] as PodSpec["containers"],
  });
  const world = new World({ nodes: [makeNode("a")], pods: [on("a", ports("127.0.0.1"))] });
  assert.deepEqual(world.feasible(makePod("p", ports("127.0.0.2"))), ["a"]);
  assert.deepEqual(world.feasible(makePod("p", ports("127.0.0.1", "UDP"))), ["a"]);
  assert.deepEqual(world.reasons(makePod("p", ports(""))), { a: ["node(s) didn't have free ports for the requested pod ports"] });
});

const spread = (extra: object = {}): Partial<PodSpec> & { labels: Record<string, string> } => ({
  labels: { app: "web" },
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "DoNotSchedule", labelSelector: { matchLabels: { app: "web" } }, ...extra },
  ],
});

test("spreading keeps the skew, and says which nodes lack the label", () => {
  const nodes = [makeNode("a", { labels: zone("1") }), makeNode("b", { labels: zone("2") }), makeNode("c")];
  const world = new World({ nodes, pods: [on("a", { labels: { app: "web" } })] });
  assert.deepEqual(world.feasible(makePod("p", spread())), ["b"]);
  assert.deepEqual(world.reasons(makePod("p", spread())), {
    a: ["node(s) didn't match pod topology spread constraints"],
    c: ["node(s) didn't match pod topology spread constraints (missing required label)"],
  });
  const few = makePod("p", spread({ minDomains: 3 }));
  assert.deepEqual(new World({ nodes: nodes.slice(0, 2), pods: [on("a", { labels: { app: "web" } })] }).feasible(few), ["b"]);
});

test("pods of one owner are spread over hosts without being asked to", () => {
  const nodes = [makeNode("a"), makeNode("b")];
  const selector = selectorFromSet({ app: "web" });
  const world = new World({ nodes, pods: [on("a", { labels: { app: "web" } })], defaultSelector: () => selector });
  assert.equal(world.place(makePod("p", { labels: { app: "web" } })), "b");
});

const near = (kind: "podAffinity" | "podAntiAffinity", extra: object = {}): Partial<PodSpec> => ({
  affinity: {
    [kind]: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: "topology.kubernetes.io/zone", labelSelector: { matchLabels: { app: "web" } }, ...extra },
      ],
    },
  },
});

test("affinity follows others by topology, also by labels of their namespace", () => {
  const nodes = [makeNode("a", { labels: zone("1") }), makeNode("b", { labels: zone("2") })];
  const other = on("a", { labels: { app: "web" } });
  const world = new World({ nodes, pods: [other], namespaces: { default: { team: "x" } } });
  assert.deepEqual(world.feasible(makePod("p", near("podAffinity"))), ["a"]);
  assert.deepEqual(world.feasible(makePod("p", near("podAntiAffinity"))), ["b"]);
  assert.deepEqual(world.feasible(makePod("p", near("podAffinity", { namespaceSelector: { matchLabels: { team: "x" } } }))), ["a"]);
  assert.deepEqual(world.feasible(makePod("p", near("podAffinity", { namespaceSelector: { matchLabels: { team: "y" } } }))), []);
  world.cache.deletePod(other.metadata.uid);
  assert.deepEqual(world.feasible(makePod("p", near("podAffinity"))), []);
});

test("the first of pods that want to be near each other finds a node", () => {
  const world = new World({ nodes: [makeNode("a", { labels: zone("1") }), makeNode("b")] });
  assert.deepEqual(world.feasible(makePod("p", { ...near("podAffinity"), labels: { app: "web" } })), ["a"]);
});

test("pods keep others away that they do not want near", () => {
  const nodes = [makeNode("a", { labels: zone("1") }), makeNode("b", { labels: zone("2") })];
  const world = new World({ nodes, pods: [on("a", near("podAntiAffinity"))] });
  assert.deepEqual(world.reasons(makePod("p", { labels: { app: "web" } })), { a: ["node(s) didn't satisfy existing pods anti-affinity rules"] });
  assert.deepEqual(world.feasible(makePod("p", { labels: { app: "db" } })), ["a", "b"]);
});

const claim = (name: string, spec: object, annotations: Record<string, string> = {}): PersistentVolumeClaim =>
  ({ metadata: { name, namespace: "default", uid: name, annotations }, spec: { accessModes: ["ReadWriteOnce"], ...spec }, status: {} }) as never;
const using = (claimName: string): Partial<PodSpec> => ({ volumes: [{ name: "data", persistentVolumeClaim: { claimName } }] });

test("claims must exist and be bound, or be able to wait for a node", () => {
  const classes = [{ metadata: { name: "later" }, provisioner: "kubernetes.io/no-provisioner", volumeBindingMode: "WaitForFirstConsumer" }] as StorageClass[];
  const claims = [claim("now", { storageClassName: "now" }), claim("later", { storageClassName: "later", resources: { requests: { storage: "1Gi" } } })];
  const required = { nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["b"] }] }] };
  const spec = { capacity: { storage: "2Gi" }, accessModes: ["ReadWriteOnce"], storageClassName: "later", nodeAffinity: { required } };
  const volumes = [{ metadata: { name: "v", uid: "v" }, spec, status: { phase: "Available" } }] as unknown as PersistentVolume[];
  const world = new World({ nodes: [makeNode("a"), makeNode("b")], claims, volumes, classes });
  const message = (name: string): string => fitMessage(world.evaluate(makePod("p", using(name))).diagnosis);
  assert.equal(message("none"), '0/2 nodes are available: persistentvolumeclaim "none" not found.');
  assert.equal(message("now"), "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.");
  assert.deepEqual(world.feasible(makePod("p", using("later"))), ["b"]);
  assert.deepEqual(world.reasons(makePod("p", using("later"))), { a: ["node(s) didn't find available persistent volumes to bind"] });
});

test("in large clusters a share of the nodes is enough", () => {
  assert.deepEqual(
    [99, 100, 1000, 5000, 6000, 20_000].map((nodes) => enoughNodes(nodes, 0)),
    [99, 100, 420, 500, 300, 1000],
  );
  assert.equal(enoughNodes(1000, 30), 300);
});

test("of volumes with a zone only claims count that the pod names itself", () => {
  const claim = (name: string): PersistentVolumeClaim =>
    ({
      metadata: { name, namespace: "default", annotations: { "pv.kubernetes.io/bind-completed": "yes" } },
      spec: { volumeName: "v", storageClassName: "c", accessModes: ["ReadWriteOnce"] },
    }) as unknown as PersistentVolumeClaim;
  const own = claim("p-own");
  const pod = makePod("p", { volumes: [{ name: "own", ephemeral: {} }] });
  own.metadata.ownerReferences = [{ apiVersion: "v1", kind: "Pod", name: "p", uid: pod.metadata.uid, controller: true }];
  const volume = {
    metadata: { name: "v", labels: zone("z1") },
    spec: { accessModes: ["ReadWriteOnce"], hostPath: { path: "/" } },
  } as unknown as PersistentVolume;
  const world = new World({ nodes: [makeNode("a", { labels: zone("z2") })], claims: [own, claim("named")], volumes: [volume] });
  assert.deepEqual(world.feasible(pod), ["a"]);
  const named = makePod("q", { volumes: [{ name: "data", persistentVolumeClaim: { claimName: "named" } }] });
  assert.deepEqual(world.reasons(named), { a: ["node(s) had no available volume zone"] });
});

test("the room that is left is scored without what is requested for the pod as a whole", () => {
  const world = new World({ nodes: [makeNode("a", { allocatable: { cpu: "4", memory: "4Gi" } })] });
  const score = (pod: Pod): number | undefined => world.evaluate(pod).feasible[0]?.score;
  const requests = { cpu: "1", memory: "1Gi" };
  const plain = score(makePod("p", { requests })) as number;
  const whole = score(makePod("q", { requests, resources: { requests: { cpu: "3", memory: "3Gi" } } }));
  assert.equal(whole, plain);
});

test("nodes that are out of the question are passed over until they change, and say why where none is left", () => {
  const node = (name: string, pool: string): ReturnType<typeof makeNode> => makeNode(name, { labels: { pool }, allocatable: { cpu: "1" } });
  const world = new World({ nodes: [node("a", "x"), node("b", "y"), node("c", "y")] });
  const pod = (name: string): Pod => makePod(name, { nodeSelector: { pool: "x" }, requests: { cpu: "1" } });
  assert.equal(world.place(pod("p1")), "a");
  assert.equal(world.place(pod("p2")), undefined);
  world.cache.setNode(node("b", "x"));
  assert.equal(world.place(pod("p3")), "b");
  world.cache.setNode(node("d", "x"));
  assert.equal(world.place(pod("p4")), "d");
  const outcome = world.algorithm.schedule(defaultProfile, podInfoOf(pod("p5")), world.cache.snapshot(), world.cluster, world.nominations);
  assert.ok(outcome.row === undefined);
  assert.equal(fitMessage(outcome.diagnosis), "0/4 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 3 Insufficient cpu.");
});
