import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { alreadyExists, conflict, notFound } from "../../api/status.ts";
import type { Node, Pod } from "../../api/types/core-v1.gen.ts";
import { systemClock, VirtualClock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Client } from "../../client/client.ts";
import { kubeletConfig } from "../config.ts";
import type { PodEvents } from "../pod-events.ts";
import { annotationKeys } from "../pod.ts";
import { decodePods } from "./decode.ts";
import { FileSource } from "./file-source.ts";
import { StaticPods, type StaticWorker } from "./static-pods.ts";
import { UrlSource } from "./url-source.ts";

const scratch = mkdtempSync(join(tmpdir(), "k8ts-static-"));
after(() => rmSync(scratch, { recursive: true }));

const manifest = (name: string, extra = ""): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}}\nspec:\n  containers: [{name: c, image: registry.k8s.io/pause:3.10}]\n${extra}`;
const origin = { source: "file", name: "/etc/pods/a.yaml", nodeName: "node1" } as const;
const decode = (text: string, list = false): Pod[] => decodePods(Buffer.from(text), origin, list);

class Lines implements Logger {
  readonly lines: string[] = [];
  #say = (message: string, fields?: object): void => void this.lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  debug = this.#say;
  info = this.#say;
  warn = this.#say;
  error = this.#say;
  child = (): Logger => this;
}

test("a manifest gets the node's name, the API's defaults, a uid of its content, and outlives problems of the node", () => {
  const [pod] = decode(manifest("web")) as [Pod];
  assert.deepEqual([pod.metadata.name, pod.metadata.namespace, pod.spec.nodeName, pod.status?.phase], ["web-node1", "default", "node1", "Pending"]);
  assert.deepEqual(pod.spec.tolerations, [{ operator: "Exists", effect: "NoExecute" }]);
  assert.deepEqual([pod.spec.restartPolicy, pod.spec.containers[0]?.terminationMessagePath], ["Always", "/dev/termination-log"]);
  assert.match(pod.metadata.uid, /^[0-9a-f]{32}$/);
  assert.equal(pod.metadata.annotations?.[annotationKeys.hash], pod.metadata.uid);
  assert.equal(pod.metadata.annotations?.[annotationKeys.source], "file");
  assert.equal(decode(manifest("web"))[0]?.metadata.uid, pod.metadata.uid);
  assert.notEqual(decode(manifest("web", "  hostNetwork: true"))[0]?.metadata.uid, pod.metadata.uid);
  const json = JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web" },
    spec: { containers: [{ name: "c", image: "registry.k8s.io/pause:3.10" }] },
  });
  assert.equal(decode(json)[0]?.metadata.uid, pod.metadata.uid);
});

test("what is no pod, an invalid one, or needs the API is refused in upstream's words", () => {
  assert.throws(() => decode("kind: Pod\napiVersion: v1\nspec: {containers: [{name: c, image: i}]}"), /invalid pod: name is needed for the pod/);
  assert.throws(() => decode(manifest("a").replace("name: c", "name: C_C")), /invalid pod: spec\.containers\[0\]\.name: Invalid value: "C_C"/);
  assert.throws(() => decode("apiVersion: v1\nkind: Service\nmetadata: {name: a}"), /invalid pod: it is a Service/);
  assert.throws(() => decode("apiVersion: v1\nkind: PodList\nitems: []"), /it is a PodList/);
  assert.throws(() => decode("metadata: {name: a}"), /Object 'Kind' is missing/);
  assert.throws(() => decode("a: ["), Error);
  for (const [extra, what] of [
    ["  serviceAccountName: x", "serviceaccounts"],
    ["  volumes: [{name: v, secret: {secretName: s}}]", "secrets"],
    ["  volumes: [{name: v, configMap: {name: s}}]", "configmaps"],
    ["  volumes: [{name: v, persistentVolumeClaim: {claimName: s}}]", "persistentvolumeclaims"],
    ["  volumes: [{name: v, csi: {driver: d.x}}]", "csidrivers (via CSI volumes)"],
    ["  imagePullSecrets: [{name: s}]", "secrets"],
  ] as const)
    assert.throws(() => decode(manifest("a", extra)), new Error(`static pods may not reference ${what}`), what);
  assert.equal(decode(manifest("a", "  volumes: [{name: v, emptyDir: {}}, {name: w, projected: {sources: [{downwardAPI: {items: []}}]}}]")).length, 1);
  assert.equal(decode(`apiVersion: v1\nkind: PodList\nitems:\n- ${manifest("a").trim().split("\n").join("\n  ")}`, true)[0]?.metadata.name, "a-node1");
});

test("files come, change and go; hidden ones are not seen, broken ones are told once and stay what they were only while they are written", async () => {
  const clock = new VirtualClock();
  const logger = new Lines();
  const stop = new AbortController();
  const path = mkdtempSync(join(scratch, "dir"));
  let names: string[] | undefined;
  writeFileSync(join(path, "a.yaml"), manifest("a"));
  writeFileSync(join(path, ".b.yaml"), manifest("b"));
  const onPods = (pods: readonly Pod[]): void => {
    names = pods.map((pod) => pod.metadata.name);
  };
  const source = new FileSource({ path: `${path}/`, nodeName: "n", interval: 20_000, clock, logger, signal: stop.signal, onPods });
  await source.start();
  assert.deepEqual(names, ["a-n"]);
  writeFileSync(join(path, "c.json.new"), manifest("c"));
  await until(clock, () => names?.length === 2);
  writeFileSync(join(path, "a.yaml"), "kind: {");
  await until(clock, () => logger.lines.length > 0);
  assert.deepEqual(names, ["a-n", "c-n"]);
  await clock.advance(20_000);
  await until(clock, () => names?.length === 1);
  assert.equal(logger.lines.filter((line) => line.includes("a.yaml")).length, 1);
  renameSync(path, `${path}.gone`);
  await clock.advance(20_000);
  await until(clock, () => names?.length === 0);
  assert.match(logger.lines.at(-1) ?? "", /path does not exist, ignoring/);
  renameSync(`${path}.gone`, path);
  await until(clock, () => names?.length === 1);
  stop.abort();
});

test("one file is a source, too, and may be replaced", async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const path = join(mkdtempSync(join(scratch, "one")), "pod.yaml");
  let names: string[] = [];
  writeFileSync(path, manifest("a"));
  const onPods = (pods: readonly Pod[]): void => {
    names = pods.map((pod) => pod.metadata.name);
  };
  await new FileSource({ path, nodeName: "n", interval: 20_000, clock, logger: new Lines(), signal: stop.signal, onPods }).start();
  assert.deepEqual(names, ["a-n"]);
  writeFileSync(`${path}.x`, manifest("b"));
  renameSync(`${path}.x`, path);
  await until(clock, () => names[0] === "b-n");
  stop.abort();
});

/** The kernel's notifications come in their own time; virtual time follows. */
async function until(clock: VirtualClock, condition: () => boolean, step = 5): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    assert.ok(tries < 5000, "it did not come");
    await (tries % 10 ? new Promise((resolve) => setImmediate(resolve)) : systemClock.sleep(1));
    await clock.advance(step);
  }
}

test("a URL is asked with its headers; what it cannot give leaves the pods as they are", async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const asked: string[] = [];
  let answer: [number, string] = [200, manifest("a")];
  const server = createServer((request, response) => {
    asked.push(String(request.headers["x-who"]));
    response.writeHead(answer[0]).end(answer[1]);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const given: string[][] = [];
  const onPods = (pods: readonly Pod[]): void =>
    void given.push(pods.map((pod) => `${pod.metadata.name} ${pod.metadata.annotations?.[annotationKeys.source]}`));
  new UrlSource({ url, header: { "X-Who": ["me"] }, nodeName: "n", interval: 20_000, clock, logger: new Lines(), signal: stop.signal, onPods }).start();
  /** Two requests: when the second comes, the first answer has been dealt with. */
  const ask = async (next: [number, string]): Promise<void> => {
    answer = next;
    const before = asked.length;
    await until(clock, () => asked.length >= before + 2, 1000);
  };
  await until(clock, () => given.length > 0, 1000);
  await ask([500, "no"]);
  await ask([200, "no"]);
  await ask([200, `apiVersion: v1\nkind: PodList\nitems:\n- ${manifest("b").trim().split("\n").join("\n  ")}`]);
  await ask([200, ""]);
  assert.deepEqual(given, [["a-n http"], ["b-n http"], []]);
  assert.equal(asked[0], "me");
  stop.abort();
  server.close();
  server.closeAllConnections();
});

/** Pods of the API as a map; everything else of a client is not asked for. */
class FakeApi {
  readonly pods = new Map<string, Pod>();
  down = false;
  #uids = 0;
  readonly client = { resource: () => this } as unknown as Client;
  onChange: (old: Pod | undefined, pod: Pod | undefined) => void = () => undefined;
  async create(namespace: string, pod: Pod): Promise<Pod> {
    if (this.down) throw new Error("nobody answers");
    const key = `${namespace}/${pod.metadata.name}`;
    if (this.pods.has(key)) throw alreadyExists("pods", pod.metadata.name);
    const made = { ...pod, metadata: { ...pod.metadata, uid: `api-${this.#uids++}` } };
    this.pods.set(key, made);
    this.onChange(undefined, made);
    return made;
  }
  async delete(namespace: string, name: string, options: { preconditions: { uid: string } }): Promise<void> {
    if (this.down) throw new Error("nobody answers");
    const old = this.pods.get(`${namespace}/${name}`);
    if (!old) throw notFound("pods", name);
    if (old.metadata.uid !== options.preconditions.uid) throw conflict("pods", name, "another uid");
    this.pods.delete(`${namespace}/${name}`);
    this.onChange(old, undefined);
  }
}

function node(api: FakeApi, clock: VirtualClock) {
  const workers = new Map<string, StaticWorker & { state: string }>();
  const taken: string[] = [];
  const mirrors = new Map<string, string | undefined>();
  const events: string[] = [];
  const statics: StaticPods = new StaticPods({
    config: kubeletConfig({ nodeName: "n", nodeIPs: [] }),
    client: api.client,
    clock,
    logger: new Lines(),
    signal: new AbortController().signal,
    node: () => ({ metadata: { name: "n", uid: "node-uid" } }) as Node,
    workers,
    events: { pod: (pod: Pod, _: string, reason: string) => events.push(`${pod.metadata.name} ${reason}`) } as unknown as PodEvents,
    take(pod) {
      taken.push(pod.metadata.uid);
      const removed = (): void => {
        worker.state = "terminating";
      };
      const worker = { pod, state: "syncing", removed };
      workers.set(pod.metadata.uid, worker);
    },
    onGone: (uid) => ends(uid),
    onMirror: (uid, mirror) => void mirrors.set(uid, mirror?.metadata.uid),
  });
  const ends = (uid: string): void => {
    const { pod } = workers.get(uid) as StaticWorker;
    workers.delete(uid);
    statics.forgotten(pod);
  };
  api.onChange = (old, pod) => statics.observeMirror(old, pod);
  return { statics, workers, taken, mirrors, events, ends };
}

test("a changed manifest begins when its predecessor has ended, and the mirror changes with it", async () => {
  const clock = new VirtualClock();
  const api = new FakeApi();
  const { statics, workers, taken, mirrors, ends } = node(api, clock);
  const [first] = decode(manifest("a")) as [Pod];
  const [second] = decode(manifest("a", "  hostNetwork: true")) as [Pod];
  statics.set("file", [first]);
  statics.show();
  await clock.advance(0);
  const shown = (): string[] => [...api.pods.values()].map((pod) => `${pod.metadata.uid} ${pod.metadata.annotations?.[annotationKeys.mirror]}`);
  assert.deepEqual(shown(), [`api-0 ${first.metadata.uid}`]);
  assert.deepEqual(api.pods.get("default/a-node1")?.metadata.ownerReferences, [
    { apiVersion: "v1", kind: "Node", name: "n", uid: "node-uid", controller: true },
  ]);
  assert.equal(mirrors.get(first.metadata.uid), "api-0");
  statics.set("file", [second]);
  await clock.advance(0);
  assert.deepEqual(taken, [first.metadata.uid]);
  assert.deepEqual(shown(), [`api-0 ${first.metadata.uid}`], "shown until it has ended");
  ends(first.metadata.uid);
  await clock.advance(0);
  assert.deepEqual(taken, [first.metadata.uid, second.metadata.uid]);
  assert.deepEqual(shown(), [`api-1 ${second.metadata.uid}`]);
  statics.set("file", []);
  (workers.get(second.metadata.uid) as { state: string }).state = "finished";
  statics.look();
  await clock.advance(0);
  assert.deepEqual([shown(), workers.size], [[], 0]);
});

test("a manifest that goes and comes back is started anew, with a new mirror", async () => {
  const clock = new VirtualClock();
  const api = new FakeApi();
  const { statics, workers, taken } = node(api, clock);
  const [pod] = decode(manifest("a")) as [Pod];
  statics.set("file", [pod]);
  statics.show();
  await clock.advance(0);
  statics.set("file", []);
  statics.set("file", [pod]);
  await clock.advance(0);
  assert.equal(taken.length, 1);
  (workers.get(pod.metadata.uid) as { state: string }).state = "finished";
  statics.look();
  await clock.advance(0);
  assert.equal(taken.length, 2);
  assert.deepEqual(
    [...api.pods.values()].map((p) => p.metadata.uid),
    ["api-1"],
  );
});

test("mirrors are made again when somebody deletes them, wait for an API that is away, and strangers' are removed", async () => {
  const clock = new VirtualClock();
  const api = new FakeApi();
  const { statics, events } = node(api, clock);
  const [pod] = decode(manifest("a")) as [Pod];
  api.down = true;
  statics.set("file", [pod, { ...pod, metadata: { ...pod.metadata, uid: "twin" } }]);
  statics.show();
  await clock.advance(500);
  assert.deepEqual([events, api.pods.size], [["a-node1 FailedValidation"], 0]);
  api.down = false;
  const orphan = { ...pod, metadata: { ...pod.metadata, name: "old", uid: "o", annotations: { [annotationKeys.mirror]: "x" } } };
  api.pods.set("default/old", orphan);
  statics.observeMirror(undefined, orphan);
  await clock.advance(5000);
  assert.deepEqual([...api.pods.keys()], ["default/a-node1"]);
  const mirror = api.pods.get("default/a-node1") as Pod;
  const dying = { ...mirror, metadata: { ...mirror.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
  api.pods.set("default/a-node1", dying);
  statics.observeMirror(mirror, dying);
  await clock.advance(0);
  assert.equal(api.pods.get("default/a-node1")?.metadata.uid, "api-1");
});
