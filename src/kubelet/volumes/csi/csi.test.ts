import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, test } from "node:test";
import { status } from "@grpc/grpc-js";
import type { PersistentVolume, Pod } from "../../../api/types/core-v1.gen.ts";
import type { CSIDriver, VolumeAttachment } from "../../../api/types/storage-v1.gen.ts";
import { systemClock } from "../../../base/clock.ts";
import { GrpcError } from "../../../base/grpc/error.ts";
import { implement, serveGrpc } from "../../../base/grpc/server.ts";
import { silentLogger } from "../../../base/logger.ts";
import { csi } from "../../../csi/protocol.ts";
import type { NodeServiceCapability_RPC_Type } from "../../../csi/types.gen.ts";
import type { PayloadSources } from "../payload.ts";
import type { VolumeRequest } from "../plugin.ts";
import { csiPlugin } from "./csi.ts";
import { type DriverInfo, withDriver } from "./csi-node.ts";
import { CsiDrivers } from "./drivers.ts";
import { attachmentName, globalMount, inlineHandle } from "./volume-data.ts";

let rootDir: string;
beforeEach(async () => {
  rootDir = await mkdtemp(`${tmpdir()}/csi-`);
});
afterEach(() => rm(rootDir, { recursive: true }));

const driverName = "disk.example.com";
const path = (): string => `${rootDir}/csi.sock`;

/** A driver that mounts nothing but answers, and writes down what it was asked. */
async function world(options: { capabilities?: NodeServiceCapability_RPC_Type[]; driver?: CSIDriver["spec"]; attachment?: object } = {}) {
  const calls: string[] = [];
  const asked: Record<string, unknown>[] = [];
  const failures = new Map<string, GrpcError>();
  const installed: DriverInfo[] = [];
  const note = (name: string, request: unknown): void => {
    calls.push(name);
    asked.push(request as Record<string, unknown>);
    const failure = failures.get(name);
    if (failure) throw failure;
  };
  const server = await serveGrpc(
    path(),
    implement(csi, {
      NodeGetInfo: async () => ({ nodeId: "node-7", maxVolumesPerNode: 3, accessibleTopology: { segments: { "example.com/rack": "r1" } } }),
      NodeGetCapabilities: async () => ({ capabilities: (options.capabilities ?? ["STAGE_UNSTAGE_VOLUME"]).map((type) => ({ rpc: { type } })) }),
      async NodeStageVolume(request) {
        note("stage", request);
        return {};
      },
      async NodeUnstageVolume(request) {
        note("unstage", request);
        return {};
      },
      async NodePublishVolume(request) {
        note("publish", request);
        await mkdir(request.targetPath, { recursive: true });
        return {};
      },
      async NodeUnpublishVolume(request) {
        note("unpublish", request);
        await rm(request.targetPath, { recursive: true, force: true });
        return {};
      },
    }),
  );
  const drivers = new CsiDrivers({
    clock: systemClock,
    logger: silentLogger,
    node: {
      async install(info) {
        installed.push(info);
      },
      async update({ name, maxVolumes }) {
        calls.push(`update ${name} ${maxVolumes}`);
      },
      async uninstall(name) {
        calls.push(`uninstall ${name}`);
      },
    },
    onRegistered: () => {},
  });
  await drivers.register(driverName, path(), ["1.0.0"], new AbortController().signal);
  const plugin = csiPlugin({
    rootDir,
    nodeName: "node",
    drivers,
    objects: {
      driver: async () => options.driver && ({ metadata: { name: driverName }, spec: options.driver } as CSIDriver),
      attachment: async (name) =>
        ({ metadata: { name }, status: options.attachment ?? { attached: true, attachmentMetadata: { device: "sdb" } } }) as unknown as VolumeAttachment,
      secret: async () => ({ data: { password: Buffer.from("hunter2").toString("base64") } }) as never,
      token: async (_, { audience }) => ({ token: `for ${audience}`, expirationTimestamp: "2030-01-01T00:00:00Z" }),
    },
  });
  const stack = new AsyncDisposableStack();
  stack.use(server);
  stack.use(drivers);
  return Object.assign(stack, { plugin, drivers, calls, asked, failures, installed });
}

const pod = { metadata: { name: "p", namespace: "n", uid: "u" }, spec: { containers: [], serviceAccountName: "sa" } } as unknown as Pod;
const request = (volume: object, persistent?: object): VolumeRequest => ({
  pod,
  spec: {
    volume: { name: "v", ...volume } as never,
    ...(persistent ? { persistent: { metadata: { name: "pv" }, spec: persistent } as unknown as PersistentVolume } : {}),
    name: persistent ? "pv" : "v",
    readOnly: false,
  },
  place: { pod: "u", name: persistent ? "pv" : "v", path: `${rootDir}/pods/u/volumes/kubernetes.io~csi/${persistent ? "pv" : "v"}` },
  sources: {} as PayloadSources,
  again: false,
});
const persistent = {
  accessModes: ["ReadWriteOnce"],
  mountOptions: ["noatime"],
  csi: { driver: driverName, volumeHandle: "h", fsType: "ext4", volumeAttributes: { a: "1" }, nodeStageSecretRef: { namespace: "n", name: "s" } },
};

test("a driver registers with its node's id, limit and topology, and only once for each version", async () => {
  await using w = await world();
  assert.deepEqual(
    w.installed.map((info) => ({ ...info, topology: { ...info.topology } })),
    [{ name: driverName, nodeID: "node-7", maxVolumes: 3, topology: { "example.com/rack": "r1" } }],
  );
  assert.throws(
    () => w.drivers.validate(driverName, "/x", ["1.0.0"]),
    /Another driver with the same name is already registered with a higher supported version: "1.0.0"$/,
  );
  assert.throws(
    () => w.drivers.validate("other", "/x", ["2.0.0"]),
    /^Error: validation failed for CSI Driver other at endpoint \/x: .*None of the versions specified/,
  );
  w.drivers.deregister(driverName, path());
  assert.throws(() => w.drivers.get(driverName), /driver name disk.example.com not found in the list of registered CSI drivers/);
  while (!w.calls.includes(`uninstall ${driverName}`)) await new Promise((resolve) => setImmediate(resolve));
});

test("a persistent volume is staged with its secret and what attaching told, published from there, and taken down the same way", async () => {
  await using w = await world();
  const wish = request({}, persistent);
  const { plugin } = w;
  assert.equal(plugin.device?.uniqueName(wish.spec), `kubernetes.io/csi/${driverName}^h`);
  assert.equal(await plugin.device?.attachable(wish.spec), true);
  await plugin.device?.mount(wish);
  const mounted = await plugin.setUp(wish);
  assert.equal(mounted.path, `${wish.place.path}/mount`);
  const staging = globalMount(rootDir, driverName, "h");
  const [stage, publish] = w.asked as { [key: string]: unknown }[];
  assert.equal(stage?.stagingTargetPath, staging);
  assert.deepEqual({ ...(stage?.secrets as object) }, { password: "hunter2" });
  assert.deepEqual({ ...(stage?.publishContext as object) }, { device: "sdb" });
  assert.deepEqual(JSON.parse(JSON.stringify(publish?.volumeCapability)), {
    accessMode: { mode: "SINGLE_NODE_WRITER" },
    mount: { fsType: "ext4", mountFlags: ["noatime"], volumeMountGroup: "" },
  });
  assert.equal(publish?.stagingTargetPath, staging);
  const data = JSON.parse(await readFile(`${wish.place.path}/vol_data.json`, "utf8"));
  assert.deepEqual(data, {
    specVolID: "pv",
    volumeHandle: "h",
    driverName,
    nodeName: "node",
    volumeLifecycleMode: "Persistent",
    attachmentID: attachmentName("h", driverName, "node"),
  });
  assert.deepEqual(await plugin.device?.mounted(), [`kubernetes.io/csi/${driverName}^h`]);
  assert.equal(await plugin.device?.uniqueNameOf(wish.place), `kubernetes.io/csi/${driverName}^h`);
  await plugin.tearDown(wish.place);
  await plugin.device?.unmount(`kubernetes.io/csi/${driverName}^h`);
  assert.deepEqual(w.calls, ["stage", "publish", "unpublish", "unstage"]);
  assert.deepEqual(await readdir(`${rootDir}/pods/u/volumes/kubernetes.io~csi`), []);
  assert.deepEqual(await plugin.device?.mounted(), []);
});

test("an inline volume is known by a name of its own, and its driver is told of the pod and given tokens", async () => {
  const spec = {
    volumeLifecycleModes: ["Ephemeral"],
    podInfoOnMount: true,
    fsGroupPolicy: "None",
    tokenRequests: [{ audience: "vault" }],
    requiresRepublish: true,
  };
  await using w = await world({ driver: spec as CSIDriver["spec"] });
  const wish = request({ csi: { driver: driverName, volumeAttributes: { size: "1Gi" } } });
  await w.plugin.setUp(wish);
  const asked = w.asked[0] as { volumeId: string; volumeContext: Record<string, string>; stagingTargetPath: string };
  assert.equal(asked.volumeId, inlineHandle("u", "v"));
  assert.equal(asked.stagingTargetPath, "");
  assert.deepEqual(
    { ...asked.volumeContext },
    {
      size: "1Gi",
      "csi.storage.k8s.io/pod.name": "p",
      "csi.storage.k8s.io/pod.namespace": "n",
      "csi.storage.k8s.io/pod.uid": "u",
      "csi.storage.k8s.io/serviceAccount.name": "sa",
      "csi.storage.k8s.io/ephemeral": "true",
      "csi.storage.k8s.io/serviceAccount.tokens": '{"vault":{"token":"for vault","expirationTimestamp":"2030-01-01T00:00:00Z"}}',
    },
  );
  assert.equal(w.plugin.follows?.(wish.spec), true);
  assert.equal(await w.plugin.device?.uniqueNameOf(wish.place), undefined);
  await assert.rejects(
    w.plugin.setUp(request({}, persistent)),
    /volume mode "Persistent" not supported by driver disk.example.com \(only supports \["Ephemeral"\]\)$/,
  );
});

test("a mount that certainly failed leaves nothing; one that may go on keeps what taking it down needs", async () => {
  await using w = await world();
  const wish = request({}, persistent);
  w.failures.set("stage", new GrpcError(status.INVALID_ARGUMENT, "no"));
  await assert.rejects(w.plugin.device?.mount(wish) ?? Promise.resolve(), { message: "rpc error: code = InvalidArgument desc = no" });
  assert.deepEqual(await w.plugin.device?.mounted(), []);
  w.failures.set("stage", new GrpcError(status.DEADLINE_EXCEEDED, "slow"));
  await assert.rejects(w.plugin.device?.mount(wish) ?? Promise.resolve());
  assert.deepEqual(await w.plugin.device?.mounted(), [`kubernetes.io/csi/${driverName}^h`]);
  w.failures.set("publish", new GrpcError(status.INTERNAL, "broken"));
  await assert.rejects(w.plugin.setUp(wish));
  assert.deepEqual(await readdir(`${rootDir}/pods/u/volumes/kubernetes.io~csi`), []);
});

test("a file that is only half there does not keep its pod from going", async () => {
  await using w = await world();
  const { place } = request({}, persistent);
  await mkdir(`${place.path}/mount`, { recursive: true });
  await writeFile(`${place.path}/vol_data.json`, '{"driverName":"disk.ex');
  assert.equal(await w.plugin.device?.uniqueNameOf(place), undefined);
  await w.plugin.tearDown(place);
  assert.deepEqual(await readdir(`${rootDir}/pods/u/volumes/kubernetes.io~csi`), []);
  assert.deepEqual(w.calls, []);
});

test("a volume is not taken down behind the back of a driver that is away", async () => {
  await using w = await world();
  const wish = request({}, persistent);
  await w.plugin.setUp(wish);
  w.drivers.deregister(driverName, path());
  await assert.rejects(w.plugin.tearDown(wish.place), {
    message: `kubernetes.io/csi: Unmounter.TearDownAt failed to get CSI client: driver name ${driverName} not found in the list of registered CSI drivers`,
  });
  await w.drivers.register(driverName, path(), ["1.0.0"], new AbortController().signal);
  await w.plugin.tearDown(wish.place);
});

test("a driver is entered into the CSINode once, with keys in order and a limit where there is one", () => {
  const info = { name: "a", nodeID: "1", maxVolumes: 0, topology: { z: "1", b: "2" } };
  const made = withDriver([], info);
  assert.deepEqual(made, [{ name: "a", nodeID: "1", topologyKeys: ["b", "z"] }]);
  assert.equal(withDriver(made ?? [], info), undefined);
  assert.deepEqual(withDriver(made ?? [], { ...info, maxVolumes: 2 ** 40 }), [
    { name: "a", nodeID: "1", topologyKeys: ["b", "z"], allocatable: { count: 2147483647 } },
  ]);
});

test("a node has no room where its driver may change its mind and attaching said so; the driver is asked again at once", async () => {
  const full = { attached: false, attachError: { message: "no slot left", errorCode: 8 } };
  const period = { nodeAllocatableUpdatePeriodSeconds: 10 };
  for (const [options, expected] of [
    [{ driver: period, attachment: full }, true],
    [{ driver: {}, attachment: full }, false],
    [{ driver: period, attachment: { attached: false, attachError: { message: "no such disk", errorCode: 5 } } }, false],
    [{ driver: period, attachment: { attached: false } }, false],
  ] as const) {
    await using w = await world(options as Parameters<typeof world>[0]);
    assert.equal(await w.plugin.device?.exhausted?.(request({}, persistent).spec), expected);
    assert.deepEqual(w.calls, expected ? [`update ${driverName} 3`] : []);
  }
});
