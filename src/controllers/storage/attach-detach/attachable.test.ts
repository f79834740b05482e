import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../../api/types/core-v1.gen.ts";
import { attachablesOf, attachmentName, csiName, isTerminated, type Lookup, splitCsiName } from "./attachable.ts";

const claim = (status: object = { phase: "Bound" }): PersistentVolumeClaim =>
  ({ metadata: { namespace: "ns", name: "data", uid: "c" }, spec: { volumeName: "pv" }, status }) as unknown as PersistentVolumeClaim;
const volume = (spec: object, uid = "c"): PersistentVolume =>
  ({ metadata: { name: "pv" }, spec: { claimRef: { uid }, accessModes: ["ReadWriteOnce"], ...spec } }) as unknown as PersistentVolume;
const pod = (volumes: object[], status: object = {}, metadata: object = {}): Pod =>
  ({ metadata: { namespace: "ns", name: "p", uid: "u", ...metadata }, spec: { nodeName: "n", volumes }, status }) as unknown as Pod;
const lookup = (one: PersistentVolume, bound = claim()): Lookup => ({ claim: () => bound, volume: () => one, attaches: (driver) => driver !== "local" });
const csi = (driver: string): object => ({ csi: { driver, volumeHandle: "h" } });
const named = [{ name: "v", persistentVolumeClaim: { claimName: "data" } }];

test("a bound CSI volume is attached when its driver attaches", () => {
  assert.deepEqual(attachablesOf(pod(named), lookup(volume(csi("d")))), [
    { unique: "kubernetes.io/csi/d^h", title: "pv", multiAttach: false, csi: { driver: "d", handle: "h", volume: "pv" } },
  ]);
  assert.deepEqual(attachablesOf(pod(named), lookup(volume(csi("local")))), []);
  assert.deepEqual(attachablesOf(pod(named), lookup(volume({ hostPath: { path: "/" } }))), []);
});

test("an unbound claim, somebody else's volume and a foreign ephemeral claim attach nothing", () => {
  assert.deepEqual(attachablesOf(pod(named), lookup(volume(csi("d")), claim({ phase: "Pending" }))), []);
  assert.deepEqual(attachablesOf(pod(named), lookup(volume(csi("d"), "other"))), []);
  assert.deepEqual(attachablesOf(pod([{ name: "v", ephemeral: {} }]), lookup(volume(csi("d")))), []);
});

test("volumes that several nodes may share say so", () => {
  const multi = (accessModes: string[]): boolean | undefined => attachablesOf(pod(named), lookup(volume({ ...csi("d"), accessModes })))[0]?.multiAttach;
  assert.deepEqual([["ReadWriteOncePod"], ["ReadWriteOnce", "ReadOnlyMany"], ["ReadWriteMany"], []].map(multi), [false, true, true, true]);
});

test("Fibre Channel and iSCSI volumes of a pod itself are known by their targets", () => {
  const volumes = [
    { name: "fc", fc: { targetWWNs: ["a", "b"], lun: 0 } },
    { name: "wwid", fc: { wwids: ["w"] } },
    { name: "disk", iscsi: { targetPortal: "10.0.0.1:3260", iqn: "iqn.x", lun: 2 } },
    { name: "none", emptyDir: {} },
  ];
  const found = attachablesOf(pod(volumes), lookup(volume({})));
  assert.deepEqual(
    found.map(({ unique }) => unique),
    ["kubernetes.io/fc/[a b]:0", "kubernetes.io/fc/[w]", "kubernetes.io/iscsi/10.0.0.1:3260:iqn.x:2"],
  );
});

test("names are those that drivers and kubelets compute", () => {
  assert.deepEqual(splitCsiName(csiName("d.example", "handle")), { driver: "d.example", handle: "handle" });
  assert.equal(splitCsiName("kubernetes.io/fc/[w]"), undefined);
  assert.match(attachmentName("h", "d", "n"), /^csi-[0-9a-f]{64}$/);
});

test("a pod needs its volumes until its containers have stopped", () => {
  const deleted = { deletionTimestamp: "t" };
  const running = { containerStatuses: [{ state: { running: {} } }] };
  assert.equal(isTerminated(pod([], running)), false);
  assert.equal(isTerminated(pod([], running, deleted)), false);
  assert.equal(isTerminated(pod([], { containerStatuses: [{ state: { terminated: {} } }] }, deleted)), true);
  assert.equal(isTerminated(pod([], { phase: "Failed" })), true);
});
