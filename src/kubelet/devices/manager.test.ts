import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Container, Pod } from "../../api/types/core-v1.gen.ts";
import { systemClock } from "../../base/clock.ts";
import { connectGrpc } from "../../base/grpc/client.ts";
import { type GrpcServer, type Handlers, implement, serveGrpc } from "../../base/grpc/server.ts";
import { silentLogger } from "../../base/logger.ts";
import { DeviceManager, type DeviceManagerOptions } from "./manager.ts";
import { devicePlugin, registration } from "./protocol.ts";
import type { DevicePluginMethods } from "./types.gen.ts";

const root = await mkdtemp(join(tmpdir(), "devices-"));
after(() => rm(root, { recursive: true }));
let directories = 0;
const resource = "example.com/resource";

/** A plugin whose list of devices can be changed. */
class FakePlugin {
  readonly allocated: string[][] = [];
  #devices: Record<string, string>;
  #next = Promise.withResolvers<void>();
  #server: GrpcServer | undefined;
  constructor(devices: Record<string, string>) {
    this.#devices = devices;
  }
  async serve(directory: string, name = "dp.sock", more: Handlers<DevicePluginMethods> = {}): Promise<void> {
    const self = this;
    await this.#server?.[Symbol.asyncDispose]();
    this.#server = await serveGrpc(
      join(directory, name),
      implement(devicePlugin, {
        GetDevicePluginOptions: async () => ({}),
        async *ListAndWatch(_, signal) {
          const gone = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
          while (!signal.aborted) {
            yield { devices: Object.entries(self.#devices).map(([ID, health]) => ({ ID, health })) };
            await Promise.race([self.#next.promise, gone]);
          }
        },
        async Allocate({ containerRequests }) {
          for (const { devicesIds } of containerRequests) self.allocated.push(devicesIds);
          return {
            containerResponses: containerRequests.map(({ devicesIds }) => ({
              envs: { IDS: devicesIds.join() },
              mounts: devicesIds.map((id) => ({ hostPath: `/host/${id}`, containerPath: `/tmp/${id}`, readOnly: true })),
              devices: [{ hostPath: "/dev/null", containerPath: "/dev/mine", permissions: "rw" }],
              annotations: { note: "a" },
              cdiDevices: [{ name: `example.com/resource=${devicesIds[0]}` }],
            })),
          };
        },
        ...more,
      }),
    );
  }
  async register(directory: string, more: object = {}): Promise<void> {
    await using kubelet = connectGrpc(join(directory, "kubelet.sock"), registration);
    await kubelet.call("Register", { version: "v1beta1", endpoint: "dp.sock", resourceName: resource, ...more });
  }
  list(devices: Record<string, string>): void {
    this.#devices = devices;
    const { resolve } = this.#next;
    this.#next = Promise.withResolvers<void>();
    resolve();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }
}

class World {
  readonly directory: string;
  readonly manager: DeviceManager;
  readonly sick: string[] = [];
  #changed = Promise.withResolvers<void>();
  constructor(directory = join(root, String(directories++)), more: Partial<DeviceManagerOptions> = {}) {
    this.directory = directory;
    this.manager = new DeviceManager({
      directory,
      clock: systemClock,
      logger: silentLogger,
      numaNodes: [0, 1],
      affinity: () => ({ preferred: false }),
      active: () => true,
      ranBefore: () => false,
      onCapacity: () => this.#changed.resolve(),
      onHealth: (pod) => this.sick.push(pod),
      ...more,
    });
  }
  /** Resolves when the node's share of the resource is this: usable of all. */
  async has(usable: number, all: number): Promise<void> {
    for (;;) {
      const { capacity, allocatable } = this.manager.node({});
      if (capacity[resource] === String(all) && allocatable[resource] === String(usable)) return;
      await this.#changed.promise;
      this.#changed = Promise.withResolvers();
    }
  }
}

const container = (name: string, devices: number, more: Partial<Container> = {}): Container =>
  ({ name, resources: { limits: { [resource]: String(devices), cpu: "1" } }, ...more }) as Container;
const pod = (uid: string, containers: Container[], initContainers: Container[] = []): Pod =>
  ({ metadata: { uid, name: uid, namespace: "default" }, spec: { containers, initContainers } }) as unknown as Pod;
const allocate = async (manager: DeviceManager, p: Pod): Promise<void> => {
  for (const c of [...(p.spec.initContainers ?? []), ...p.spec.containers]) await manager.allocate(p, c);
};

test("a plugin registers, its devices count, a container gets one and what the plugin says, and no more than there are", async () => {
  const world = new World();
  await using manager = world.manager;
  await manager.start();
  await using plugin = new FakePlugin({ a: "Healthy", b: "Unhealthy" });
  await plugin.serve(world.directory);
  await plugin.register(world.directory);
  await world.has(1, 2);
  const one = pod("p1", [container("c", 1)]);
  await allocate(manager, one);
  assert.deepEqual(await manager.additions(one, one.spec.containers[0] as Container), {
    env: { IDS: "a" },
    mounts: [{ hostPath: "/host/a", containerPath: "/tmp/a", readonly: true }],
    devices: [{ hostPath: "/dev/null", containerPath: "/dev/mine", permissions: "rw" }],
    annotations: { note: "a" },
    cdiDevices: [{ name: "example.com/resource=a" }],
  });
  await assert.rejects(allocate(manager, pod("p2", [container("c", 1)])), {
    message: "requested number of devices unavailable for example.com/resource. Requested: 1, Available: 0",
  });
  manager.release("p1");
  await allocate(manager, pod("p2", [container("c", 1)]));
  assert.deepEqual(plugin.allocated, [["a"], ["a"]]);
});

test("what is not what it should be is told why it cannot register", async () => {
  const world = new World();
  await using manager = world.manager;
  await manager.start();
  await using plugin = new FakePlugin({});
  await assert.rejects(plugin.register(world.directory, { version: "v1alpha" }), {
    message: 'rpc error: code = Unknown desc = requested API version "v1alpha" is not supported by kubelet. Supported version is ["v1beta1"]',
  });
  await assert.rejects(plugin.register(world.directory, { resourceName: "cpu" }), /the ResourceName "cpu" is invalid/);
  await assert.rejects(plugin.register(world.directory, { endpoint: "nobody.sock" }), /failed to get device plugin options: rpc error: code = Unavailable/);
  assert.deepEqual(manager.node({}).capacity, {});
});

test("the devices of init containers are used again, those of sidecars are not", async () => {
  const world = new World();
  await using manager = world.manager;
  await manager.start();
  await using plugin = new FakePlugin({ a: "Healthy", b: "Healthy", c: "Healthy" });
  await plugin.serve(world.directory);
  await plugin.register(world.directory);
  await world.has(3, 3);
  await allocate(manager, pod("p", [container("main", 2)], [container("init", 2), container("side", 1, { restartPolicy: "Always" })]));
  const of = (name: string): string[] => [...manager.given("p", name)].map(({ id }) => id).sort();
  assert.equal(of("init").length, 2);
  assert.ok(of("init").includes(of("side")[0] as string));
  assert.ok(!of("main").includes(of("side")[0] as string));
  assert.equal(new Set([...of("main"), ...of("side"), ...of("init")]).size, 3);
});

test("health that changes is told to who has the device; a plugin that goes leaves its devices unusable", async () => {
  const world = new World();
  await using manager = world.manager;
  await manager.start();
  await using plugin = new FakePlugin({ a: "Healthy", b: "Healthy" });
  await plugin.serve(world.directory);
  await plugin.register(world.directory);
  await world.has(2, 2);
  const one = pod("p", [container("c", 1)]);
  await allocate(manager, one);
  const id = [...manager.given("p", "c")][0]?.id as string;
  plugin.list({ a: "Healthy", b: "Healthy", [id]: "Unhealthy" });
  await world.has(1, 2);
  assert.deepEqual(world.sick, ["p"]);
  assert.deepEqual(manager.health("p", "c"), [{ name: resource, resources: [{ resourceID: id, health: "Unhealthy" }] }]);
  await plugin[Symbol.asyncDispose]();
  await world.has(0, 2);
  await assert.rejects(allocate(manager, pod("q", [container("c", 1)])), {
    message: "no healthy devices present; cannot allocate unhealthy devices example.com/resource",
  });
  assert.equal(manager.atLeastAllocated("p", { [resource]: "0" })[resource], "1");
});

test("a kubelet that starts anew knows who has what, and waits for the plugin; a file it cannot read is replaced", async () => {
  const directory = join(root, String(directories++));
  await using plugin = new FakePlugin({ a: "Healthy", b: "Healthy" });
  {
    const world = new World(directory);
    await using manager = world.manager;
    await manager.start();
    await plugin.serve(directory);
    await plugin.register(directory);
    await world.has(2, 2);
    await allocate(manager, pod("p", [container("c", 1)]));
  }
  const again = new World(directory, { ranBefore: (uid) => uid === "p" });
  await again.manager.start();
  assert.deepEqual(again.manager.node({}), { capacity: { [resource]: "0" }, allocatable: { [resource]: "0" } });
  const one = pod("p", [container("c", 1)]);
  await allocate(again.manager, one);
  assert.equal([...again.manager.given("p", "c")].length, 1);
  assert.match((await again.manager.additions(one, one.spec.containers[0] as Container)).env?.IDS as string, /^[ab]$/);
  await assert.rejects(allocate(again.manager, pod("q", [container("c", 1)])), /no healthy devices present/);
  await again.manager[Symbol.asyncDispose]();
  const file = join(directory, "kubelet_internal_checkpoint");
  const text = await readFile(file, "utf8");
  await writeFile(file, text.slice(0, 20));
  const last = new World(directory);
  await using manager = last.manager;
  await manager.start();
  assert.deepEqual(manager.node({}).capacity, {});
  await plugin.serve(directory);
  await plugin.register(directory);
  await last.has(2, 2);
  await allocate(manager, one);
  assert.equal(JSON.parse(await readFile(file, "utf8")).Data.PodDeviceEntries.length, 1);
});

test("a plugin chooses among devices and is asked before each start", async () => {
  const world = new World();
  await using manager = world.manager;
  await manager.start();
  const started: string[][] = [];
  await using plugin = new FakePlugin({ a: "Healthy", b: "Healthy", c: "Healthy" });
  await plugin.serve(world.directory, "dp.sock", {
    GetDevicePluginOptions: async () => ({ preStartRequired: true, getPreferredAllocationAvailable: true }),
    GetPreferredAllocation: async () => ({ containerResponses: [{ deviceIDs: ["c"] }] }),
    async PreStartContainer({ devicesIds }) {
      started.push(devicesIds);
      if (started.length > 1) throw new Error("not again");
      return {};
    },
  });
  await plugin.register(world.directory);
  await world.has(3, 3);
  const one = pod("p", [container("c", 1)]);
  await allocate(manager, one);
  assert.deepEqual(plugin.allocated, [["c"]]);
  await manager.additions(one, one.spec.containers[0] as Container);
  assert.deepEqual(started, [["c"]]);
  await assert.rejects(manager.additions(one, one.spec.containers[0] as Container), {
    message: "device plugin PreStartContainer rpc failed with err: rpc error: code = Unknown desc = not again",
  });
});
