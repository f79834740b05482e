import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, test } from "node:test";
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from "../../api/types/core-v1.gen.ts";
import { VirtualClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import type { Expander } from "./expander.ts";
import type { PayloadSources } from "./payload.ts";
import { type Place, VolumeError, VolumeLimitError, type VolumePlugin } from "./plugin.ts";
import { Volumes } from "./volumes.ts";

let rootDir: string;
beforeEach(async () => {
  rootDir = await mkdtemp(`${tmpdir()}/volumes-`);
});
afterEach(() => rm(rootDir, { recursive: true }));

const sources = {} as PayloadSources;
const signal = new AbortController().signal;

function pod(uid: string, claim = "data"): Pod {
  return {
    metadata: { namespace: "n", name: `pod-${uid}`, uid },
    spec: {
      containers: [{ name: "c", volumeMounts: [{ name: "v", mountPath: "/v" }] }],
      volumes: [{ name: "v", persistentVolumeClaim: { claimName: claim } }],
    },
  } as unknown as Pod;
}

/** A disk that is attached, mounted once and shown to each pod; `log` tells what was asked of it. */
function world(options: { accessModes?: string[]; attachable?: boolean; exhausted?: boolean; affinity?: string } = {}) {
  const log: string[] = [];
  const events: string[] = [];
  const clock = new VirtualClock();
  const node = { metadata: { name: "node", labels: { zone: "a" } }, status: {} } as unknown as Node & { status: NonNullable<Node["status"]> };
  let wake = (): void => {};
  let failing: string | undefined;
  const step = (what: string): void => {
    log.push(what);
    if (failing === what) throw new Error("the disk is on fire");
  };
  const device = {
    uniqueName: (spec: { name: string }) => `example.com/disk/${spec.name}`,
    uniqueNameOf: async (place: Place) => `example.com/disk/${place.name}`,
    attachable: async () => options.attachable ?? false,
    waitForAttach: async () => step("wait"),
    exhausted: async () => options.exhausted ?? false,
    mount: async () => step("mount"),
    unmount: async () => step("unmount"),
    mounted: async () => [] as string[],
  };
  const plugin: VolumePlugin = {
    name: "example.com/disk",
    supports: ({ persistent }) => persistent !== undefined,
    async setUp({ place, spec }) {
      step(`set up ${place.pod}`);
      await mkdir(place.path, { recursive: true });
      return { path: place.path, readOnly: spec.readOnly };
    },
    async tearDown({ path, pod: uid }) {
      step(`tear down ${uid}`);
      await rm(path, { recursive: true });
    },
    device,
  };
  const required = options.affinity && { nodeSelectorTerms: [{ matchExpressions: [{ key: "zone", operator: "In", values: [options.affinity] }] }] };
  const make = (): Volumes =>
    new Volumes({
      rootDir,
      clock,
      logger: silentLogger,
      events: { pod: (_, type, reason, message) => void events.push(`${type} ${reason} ${message}`) },
      expander: { expand: async () => undefined, forget: () => {} } as unknown as Expander,
      plugins: [plugin],
      persistent: {
        claim: async (_, name) =>
          ({
            metadata: { name, uid: "claim-uid" },
            spec: { volumeName: "pv" },
            status: { phase: name === "data" ? "Bound" : "Pending" },
          }) as PersistentVolumeClaim,
        volume: async (name) =>
          ({
            metadata: { name },
            spec: {
              accessModes: options.accessModes ?? ["ReadWriteOnce"],
              claimRef: { uid: "claim-uid" },
              ...(required ? { nodeAffinity: { required } } : {}),
            },
          }) as unknown as PersistentVolume,
      },
      node: {
        get: () => node,
        async report() {
          node.status = { ...node.status, volumesInUse: volumes.inUse() };
          log.push(`in use: ${volumes.inUse().join(" ")}`);
        },
        change: (signal) =>
          new Promise((resolve) => {
            wake = () => resolve();
            signal.addEventListener("abort", wake);
            log.push("waiting for the controller");
          }),
      },
    });
  const volumes = make();
  return {
    volumes,
    make,
    log,
    events,
    clock,
    fail: (what?: string) => {
      failing = what;
    },
    attached(name: string): void {
      node.status = { ...node.status, volumesAttached: [{ name, devicePath: "" }] };
      wake();
    },
  };
}

test("a disk is mounted once for the node, set up for each pod, and unmounted after the last", async () => {
  const { volumes, log } = world();
  const mounted = await volumes.prepare(pod("1"), sources, signal);
  assert.equal(mounted.get("v")?.path, `${rootDir}/pods/1/volumes/example.com~disk/pv`);
  await volumes.prepare(pod("2"), sources, signal);
  await volumes.prepare(pod("2"), sources, signal);
  await volumes.remove("1");
  await volumes.remove("2");
  await volumes.prepare(pod("3"), sources, signal);
  assert.deepEqual(
    log,
    ["mount", "set up 1", "set up 2", "tear down 1", "tear down 2", "unmount", "mount", "set up 3"].filter(Boolean).toSpliced(6, 0, ...log.slice(6, -2)),
  );
});

test("what has to be attached is said to be in use first, then waited for", async () => {
  const { volumes, log, attached } = world({ attachable: true });
  const preparing = volumes.prepare(pod("1"), sources, signal);
  while (!log.includes("waiting for the controller")) await new Promise((resolve) => setImmediate(resolve));
  attached("example.com/disk/pv");
  await preparing;
  assert.deepEqual(log, ["in use: example.com/disk/pv", "waiting for the controller", "wait", "mount", "set up 1"]);
});

test("a pod whose volume is not attached is told of in vain, and has to go where the node has no room", async () => {
  for (const exhausted of [false, true]) {
    const { volumes, log, events, clock } = world({ attachable: true, exhausted });
    const preparing = assert.rejects(volumes.prepare(pod("1"), sources, signal), (error) => {
      assert.equal(error instanceof VolumeLimitError, exhausted);
      return error instanceof VolumeError;
    });
    while (!log.includes("waiting for the controller")) await new Promise((resolve) => setImmediate(resolve));
    await clock.advance(123_000);
    await preparing;
    assert.deepEqual(events, exhausted ? [] : ["Warning FailedMount timed out waiting for the condition"]);
  }
});

test("each failure is told in upstream's words and the next try goes on from there", async () => {
  const { volumes, log, events, fail } = world();
  fail("mount");
  await assert.rejects(volumes.prepare(pod("1"), sources, signal));
  fail("set up 1");
  await assert.rejects(volumes.prepare(pod("1"), sources, signal));
  fail();
  await volumes.prepare(pod("1"), sources, signal);
  assert.deepEqual(log, ["mount", "mount", "set up 1", "set up 1"]);
  assert.deepEqual(events, [
    'Warning FailedMount MountVolume.MountDevice failed for volume "pv" : the disk is on fire',
    'Warning FailedMount MountVolume.SetUp failed for volume "pv" : the disk is on fire',
  ]);
});

test("a claim that is not bound, a volume of other nodes and a second pod for ReadWriteOncePod are refused", async () => {
  const unbound = world();
  await assert.rejects(unbound.volumes.prepare(pod("1", "other"), sources, signal));
  assert.match(
    unbound.events[0] ?? "",
    /FailedMount Unable to attach or mount volumes: unmounted volumes=\[v\].*: error processing PVC n\/other: PVC is not bound$/,
  );
  const elsewhere = world({ affinity: "b" });
  await assert.rejects(elsewhere.volumes.prepare(pod("1"), sources, signal));
  assert.match(elsewhere.events[0] ?? "", /MountVolume.NodeAffinity check failed for volume "pv" : no matching NodeSelectorTerms$/);
  const single = world({ accessModes: ["ReadWriteOncePod"] });
  await single.volumes.prepare(pod("1"), sources, signal);
  await assert.rejects(single.volumes.prepare(pod("2"), sources, signal));
  assert.match(single.events[0] ?? "", /volume uses the ReadWriteOncePod access mode and is already in use by another pod$/);
});

test("a disk that cannot be unmounted is tried again, and a pod that comes meanwhile mounts it anew", async () => {
  const { volumes, log, fail, clock } = world();
  await volumes.prepare(pod("1"), sources, signal);
  fail("unmount");
  await volumes.remove("1");
  while (log.at(-1) !== "unmount") await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  fail();
  await clock.advance(500);
  while (log.filter((one) => one === "unmount").length < 2) await new Promise((resolve) => setImmediate(resolve));
  await volumes.prepare(pod("2"), sources, signal);
  assert.deepEqual(log.slice(-2), ["mount", "set up 2"]);
});

test("what cannot be torn down keeps the pod's directory, and nothing is forgotten", async () => {
  const { volumes, fail } = world();
  await volumes.prepare(pod("1"), sources, signal);
  fail("tear down 1");
  await assert.rejects(volumes.remove("1"), /UnmountVolume.TearDown failed for volume "pv" : the disk is on fire/);
  assert.deepEqual(await volumes.podsOnDisk(), ["1"]);
  fail();
  await volumes.remove("1");
  assert.deepEqual(await readdir(`${rootDir}/pods`), []);
});

test("a restarted kubelet knows from the disk what is in use, and takes it down", async () => {
  const { volumes, make, log } = world();
  await volumes.prepare(pod("1"), sources, signal);
  const next = make();
  await next.reconstruct();
  assert.deepEqual(next.inUse(), ["example.com/disk/pv"]);
  await next.remove("1");
  while (next.inUse().length) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(log[3], "unmount");
  assert.deepEqual(next.inUse(), []);
});

test("a pod that goes while its volume is being set up is taken down after that", async () => {
  const { volumes, log, attached } = world({ attachable: true });
  const going = new AbortController();
  const preparing = volumes.prepare(pod("1"), sources, going.signal);
  while (!log.includes("waiting for the controller")) await new Promise((resolve) => setImmediate(resolve));
  going.abort(new Error("the pod goes"));
  await assert.rejects(preparing, /the pod goes/);
  attached("example.com/disk/pv");
  await volumes.remove("1");
  assert.deepEqual(await volumes.podsOnDisk(), []);
});
