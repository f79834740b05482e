import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "../../../api/types/core-v1.gen.ts";
import { Desired } from "./desired.ts";

const claim = { metadata: { uid: "c" }, spec: { volumeName: "pv" }, status: { phase: "Bound" } } as unknown as PersistentVolumeClaim;
const volume = { metadata: { name: "pv" }, spec: { claimRef: { uid: "c" }, csi: { driver: "d", volumeHandle: "h" } } } as unknown as PersistentVolume;
const name = "kubernetes.io/csi/d^h";
const pod = (uid: string, nodeName: string, phase = "Running"): Pod =>
  ({
    metadata: { namespace: "ns", name: uid, uid },
    spec: { nodeName, volumes: [{ name: "v", persistentVolumeClaim: { claimName: "data" } }] },
    status: { phase },
  }) as unknown as Pod;
function desired(): { all: Desired; told: string[]; attaches(value: boolean): void } {
  const told: string[] = [];
  let attaches = true;
  const all = new Desired({ claim: () => claim, volume: () => volume, attaches: () => attaches }, (unique) => told.push(unique));
  return {
    all,
    told,
    attaches(value) {
      attaches = value;
    },
  };
}
const places = (all: Desired): Record<string, string[]> =>
  Object.fromEntries([...all.nodes(name)].map(([node, pods]) => [node, [...pods.values()].map(({ metadata }) => metadata.name)]));

test("a volume is wanted where pods that use it are, until the last of them ends", () => {
  const { all, told } = desired();
  all.update(pod("a", "n1"));
  all.update(pod("b", "n1"));
  all.update(pod("c", "n2"));
  all.update(pod("a", "n1"));
  assert.deepEqual(places(all), { n1: ["a", "b"], n2: ["c"] });
  assert.equal(told.length, 3, "what changes nothing is not told");
  all.update(pod("a", "n1", "Succeeded"));
  all.remove(pod("b", "n1"));
  assert.deepEqual(places(all), { n2: ["c"] });
  assert.deepEqual([all.on("n1"), all.on("n2")], [[], [name]]);
  all.remove(pod("c", "n2"));
  assert.equal(all.volume(name), undefined);
});

test("a driver that no longer attaches wants nothing attached", () => {
  const { all, attaches } = desired();
  all.update(pod("a", "n1"));
  attaches(false);
  all.dropDriver("d");
  all.update(pod("a", "n1"));
  assert.deepEqual(places(all), {});
});
