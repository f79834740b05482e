import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Container, Pod } from "../../api/types/core-v1.gen.ts";
import type { ResourceClaim } from "../../api/types/resource-v1.gen.ts";
import { type Clock, systemClock, VirtualClock } from "../../base/clock.ts";
import { type Handlers, implement, serveGrpc } from "../../base/grpc/server.ts";
import { silentLogger } from "../../base/logger.ts";
import { readClaims, writeClaims } from "./checkpoint.ts";
import { resourceHealth, services } from "./driver.ts";
import { DraManager, type DraManagerOptions } from "./manager.ts";
import type { DRAPluginMethods } from "./types.gen.ts";

const root = await mkdtemp(join(tmpdir(), "dra-"));
after(() => rm(root, { recursive: true }));
let count = 0;
const driver = "driver.example.com";

const claimOf = (name: string, pods: string[], drivers = [driver]): ResourceClaim =>
  ({
    metadata: { name, namespace: "default", uid: `uid-${name}` },
    status: {
      allocation: { devices: { results: drivers.map((d) => ({ driver: d, pool: "pool", device: "dev", request: "r" })) } },
      reservedFor: pods.map((uid) => ({ uid, name: uid, resource: "pods" })),
    },
  }) as unknown as ResourceClaim;
const podOf = (uid: string, claim = "c"): Pod =>
  ({
    metadata: { name: uid, uid, namespace: "default" },
    spec: { resourceClaims: [{ name: "mine", resourceClaimName: claim }], containers: [{ name: "main", resources: { claims: [{ name: "mine" }] } }] },
  }) as unknown as Pod;
const main = (pod: Pod): Container => pod.spec.containers[0] as Container;

class World {
  readonly directory = join(root, String(count++));
  readonly claims = new Map<string, ResourceClaim>();
  readonly calls: string[] = [];
  readonly removed: string[] = [];
  readonly sick: string[] = [];
  readonly active = new Set<string>();
  readonly endpoint = join(root, `${count}.sock`);
  manager!: DraManager;
  async start(rootDir: string, more: Partial<DraManagerOptions> = {}): Promise<DraManager> {
    this.manager = await DraManager.create({
      rootDir,
      clock: systemClock,
      logger: silentLogger,
      claim: async (_, name) => this.claims.get(name) ?? Promise.reject(new Error(`resourceclaims.resource.k8s.io "${name}" not found`)),
      removeSlices: async (d) => void this.removed.push(d ?? "all"),
      active: (uid) => this.active.has(uid),
      onHealth: (uid) => this.sick.push(uid),
      ...more,
    });
    return this.manager;
  }
  plugin(more: Handlers<DRAPluginMethods> = {}) {
    return serveGrpc(this.endpoint, [
      ...implement(services["v1.DRAPlugin"], {
        NodePrepareResources: async ({ claims }) => {
          this.calls.push(`prepare ${claims.map((c) => c.name)}`);
          const device = { poolName: "pool", deviceName: "dev", requestNames: ["r"], cdiDeviceIds: ["example.com/class=dev"] };
          return { claims: Object.fromEntries(claims.map((c) => [c.uid, { devices: [device] }])) };
        },
        NodeUnprepareResources: async ({ claims }) => {
          this.calls.push(`unprepare ${claims.map((c) => c.name)}`);
          return { claims: Object.fromEntries(claims.map((c) => [c.uid, {}])) };
        },
        ...more,
      }),
      ...implement(resourceHealth, {
        async *NodeWatchResources(_, signal) {
          yield { devices: [{ device: { poolName: "pool", deviceName: "dev" }, health: "UNHEALTHY" }] };
          await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        },
      }),
    ]);
  }
}

test("the drivers of a claim prepare it once for all its pods, and take it back after the last", async () => {
  const world = new World();
  await using _plugin = await world.plugin();
  await using manager = await world.start(await mkdtemp(join(root, "d")));
  await manager.drivers.register(driver, world.endpoint, ["v1.DRAPlugin"]);
  world.claims.set("c", claimOf("c", ["a", "b"]));
  const [a, b] = [podOf("a"), podOf("b")];
  assert.throws(() => manager.cdiDevices(a, main(a)), /internal error: unable to get claim info for ResourceClaim c in namespace default/);
  await manager.prepare(a);
  await manager.prepare(b);
  assert.deepEqual(manager.cdiDevices(b, main(b)), ["example.com/class=dev"]);
  await manager.unprepare(a);
  await manager.unprepare(b);
  await manager.unprepare(b);
  assert.deepEqual(world.calls, ["prepare c", "unprepare c"]);
});

test("a container gets the devices of the claim for extended resources that its request is mapped to, and no other does", async () => {
  const world = new World();
  await using _plugin = await world.plugin();
  await using manager = await world.start(await mkdtemp(join(root, "d")));
  await manager.drivers.register(driver, world.endpoint, ["v1.DRAPlugin"]);
  world.claims.set("e", claimOf("e", ["p"]));
  const resources = { requests: { "example.com/gpu": "1" } };
  const requestMappings = [{ containerName: "main", resourceName: "example.com/gpu", requestName: "r" }];
  const pod = {
    metadata: { name: "p", uid: "p", namespace: "default" },
    spec: { containers: [{ name: "main", resources }, { name: "other" }] },
    status: { extendedResourceClaimStatus: { resourceClaimName: "e", requestMappings } },
  } as unknown as Pod;
  await manager.prepare(pod);
  assert.deepEqual(manager.cdiDevices(pod, main(pod)), ["example.com/class=dev"]);
  assert.deepEqual(manager.cdiDevices(pod, pod.spec.containers[1] as Container), []);
  assert.deepEqual(
    manager.claimsOf(pod, main(pod)).map(({ name }) => name),
    ["e"],
  );
  await manager.unprepare(pod);
  assert.deepEqual(world.calls, ["prepare e", "unprepare e"]);
});

test("a claim that cannot be used is refused in upstream's words, before a driver is asked", async () => {
  const world = new World();
  await using _plugin = await world.plugin();
  await using manager = await world.start(await mkdtemp(join(root, "d")));
  const pod = podOf("a");
  const because = (message: string) => ({ message: `prepare dynamic resources: ${message}` });
  await assert.rejects(manager.prepare(pod), because('fetch ResourceClaim c: resourceclaims.resource.k8s.io "c" not found'));
  world.claims.set("c", claimOf("c", ["other"]));
  await assert.rejects(manager.prepare(pod), because("pod a (a) is not allowed to use ResourceClaim c (uid-c)"));
  world.claims.set("c", { ...claimOf("c", ["a"]), status: { reservedFor: [{ uid: "a", name: "a", resource: "pods" }] } } as unknown as ResourceClaim);
  await assert.rejects(manager.prepare(pod), because("ResourceClaim c: not allocated"));
  world.claims.set("c", claimOf("c", ["a"]));
  await assert.rejects(manager.prepare(pod), because("DRA driver driver.example.com is not registered"));
  assert.throws(() => manager.drivers.validate(driver, "/e", ["v9.DRAPlugin"]), {
    message:
      'invalid supported gRPC versions of DRA driver plugin driver.example.com at endpoint /e: none of services supported by the plugin (["v9.DRAPlugin"]) are supported by the kubelet (["v1.DRAPlugin" "v1beta1.DRAPlugin"])',
  });
  assert.deepEqual(world.calls, []);
});

test("what a driver fails to do is told and tried again", async () => {
  const world = new World();
  let attempts = 0;
  await using _plugin = await world.plugin({
    async NodePrepareResources({ claims }) {
      attempts++;
      if (attempts === 1) throw new Error("not now");
      if (attempts === 2) return { claims: {} };
      return { claims: { [claims[0]?.uid as string]: attempts === 3 ? { error: "broken" } : {} } };
    },
  });
  await using manager = await world.start(await mkdtemp(join(root, "d")));
  await manager.drivers.register(driver, world.endpoint, ["v1.DRAPlugin"]);
  world.claims.set("c", claimOf("c", ["a"]));
  const pod = podOf("a");
  await assert.rejects(manager.prepare(pod), /NodePrepareResources: rpc error: code = Unknown desc = not now$/);
  await assert.rejects(manager.prepare(pod), /NodePrepareResources skipped 1 ResourceClaims$/);
  await assert.rejects(manager.prepare(pod), /NodePrepareResources failed for ResourceClaim c: broken$/);
  await manager.prepare(pod);
});

test("claims of pods that are gone are taken back by the next kubelet; a file that is not whole stops it in plain words", async () => {
  const directory = await mkdtemp(join(root, "d"));
  const world = new World();
  await using _plugin = await world.plugin();
  {
    await using manager = await world.start(directory);
    await manager.drivers.register(driver, world.endpoint, ["v1.DRAPlugin"]);
    world.claims.set("c", claimOf("c", ["a"]));
    await manager.prepare(podOf("a"));
  }
  const file = join(directory, "dra_manager_state");
  assert.deepEqual(readClaims(await readFile(file, "utf8"))[0]?.PodUIDs, { a: {} });
  const taken = Promise.withResolvers<void>();
  await using again = await world.start(directory);
  const pod = podOf("a");
  assert.deepEqual(again.cdiDevices(pod, main(pod)), ["example.com/class=dev"]);
  await again.drivers.register(driver, world.endpoint, ["v1.DRAPlugin"]);
  world.calls.push = (...lines: string[]) => {
    if (lines.includes("unprepare c")) taken.resolve();
    return Array.prototype.push.apply(world.calls, lines);
  };
  again.start();
  await taken.promise;
  const text = writeClaims([]);
  await writeFile(file, text.replace("DRACheckpoint", "DRACheckpoinX"));
  await assert.rejects(world.start(directory), /checkpoint is corrupted; drain this node and remove .*dra_manager_state before starting the kubelet/);
});

test("what upstream's kubelet wrote is read", () => {
  const text =
    '{"Data":"{\\"kind\\":\\"DRACheckpoint\\",\\"apiVersion\\":\\"checkpoint.dra.kubelet.k8s.io/v1\\",\\"ClaimInfoStateList\\":[{\\"ClaimUID\\":\\"uid-1\\",\\"ClaimName\\":\\"claim\\",\\"Namespace\\":\\"default\\",\\"PodUIDs\\":{\\"pod-1\\":{}},\\"DriverState\\":{\\"driver.example.com\\":{\\"Devices\\":[{\\"PoolName\\":\\"pool\\",\\"DeviceName\\":\\"dev\\",\\"ShareID\\":\\"share-1\\",\\"RequestNames\\":[\\"r\\"],\\"CDIDeviceIDs\\":[\\"vendor.com/x=y\\"]}]}}}]}","Checksum":4027007163}';
  assert.equal(writeClaims(readClaims(text)), text);
});

test("the health of a device is in the status of the pods that use it, and they hear of changes", async () => {
  const world = new World();
  const heard = Promise.withResolvers<string>();
  await using _plugin = await world.plugin();
  await using manager = await world.start(await mkdtemp(join(root, "d")), { onHealth: heard.resolve });
  await manager.drivers.register(driver, world.endpoint, ["v1.DRAPlugin"]);
  world.claims.set("c", claimOf("c", ["a"]));
  const pod = podOf("a");
  await manager.prepare(pod);
  const health = () => manager.health(pod, main(pod));
  if (health()[0]?.resources?.[0]?.health === "Unknown") assert.equal(await heard.promise, "a");
  assert.deepEqual(health(), [{ name: "claim:mine", resources: [{ resourceID: "example.com/class=dev", health: "Unhealthy" }] }]);
});

test("slices of all drivers go at the start, those of a driver half a minute after it went", async () => {
  const world = new World();
  const virtual = new VirtualClock();
  const clock: Clock = { ...systemClock, after: (ms, fn) => (ms >= 1000 ? virtual.after(ms, fn) : systemClock.after(ms, fn)) };
  const plugin = await world.plugin();
  await using manager = await world.start(await mkdtemp(join(root, "d")), { clock });
  manager.start();
  assert.deepEqual(world.removed, ["all"]);
  await manager.drivers.register(driver, world.endpoint, ["v1.DRAPlugin"]);
  while (!manager.drivers.get(driver).connected) await new Promise((resolve) => setImmediate(resolve));
  await virtual.advance(60_000);
  assert.deepEqual(world.removed, ["all"]);
  await plugin[Symbol.asyncDispose]();
  while (manager.drivers.get(driver).connected) await new Promise((resolve) => setImmediate(resolve));
  await virtual.advance(29_000);
  assert.deepEqual(world.removed, ["all"]);
  await virtual.advance(2000);
  assert.deepEqual(world.removed, ["all", driver]);
});
