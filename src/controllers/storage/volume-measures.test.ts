import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim } from "../../api/types/core-v1.gen.ts";
import { Metrics } from "../../base/metrics.ts";
import { Measures } from "../runtime/measures.ts";
import { measureAttachments, measureVolumes, pluginInName, pluginOfVolume } from "./volume-measures.ts";

const volume = (spec: object, phase: string) => ({ metadata: { name: "v" }, spec, status: { phase } }) as unknown as PersistentVolume;

test("plugins of volumes", () => {
  for (const [spec, plugin] of [
    [{ csi: { driver: "disk.example.com" } }, "kubernetes.io/csi:disk.example.com"],
    [{ hostPath: {} }, "kubernetes.io/host-path"],
    [{ nfs: {} }, "kubernetes.io/nfs"],
    [{ local: {} }, "kubernetes.io/local-volume"],
    [{ iscsi: {} }, "N/A"],
  ] as const)
    assert.equal(pluginOfVolume(volume(spec, "Bound")), plugin);
  assert.equal(pluginInName("kubernetes.io/csi/disk.example.com^a/b^c"), "kubernetes.io/csi:disk.example.com");
  assert.equal(pluginInName("kubernetes.io/iscsi/10.0.0.1:3260:iqn:0"), "kubernetes.io/iscsi");
});

test("volumes, claims and attachments are counted when asked for", () => {
  const metrics = new Metrics();
  const measures = new Measures(metrics);
  const claim = { metadata: { namespace: "a", name: "c" }, spec: {}, status: { phase: "Pending" } } as unknown as PersistentVolumeClaim;
  measureVolumes(
    measures,
    () => [volume({ nfs: {}, storageClassName: "fast" }, "Bound"), volume({ nfs: {}, volumeMode: "Block" }, "Available")],
    () => [claim],
  );
  const disk = "kubernetes.io/csi/d^1";
  measureAttachments(measures, { wanted: () => [disk, disk], present: () => [disk], used: () => [["n", disk]] })("timeout");
  const lines = metrics.expose().split("\n");
  for (const line of [
    'pv_collector_total_pv_count{plugin_name="kubernetes.io/nfs",volume_mode="Filesystem"} 1',
    'pv_collector_total_pv_count{plugin_name="kubernetes.io/nfs",volume_mode="Block"} 1',
    'pv_collector_bound_pv_count{storage_class="fast"} 1',
    'pv_collector_unbound_pv_count{storage_class=""} 1',
    'pv_collector_unbound_pvc_count{namespace="a",storage_class="",volume_attributes_class=""} 1',
    'attachdetach_controller_total_volumes{plugin_name="kubernetes.io/csi:d",state="desired_state_of_world"} 2',
    'attachdetach_controller_total_volumes{plugin_name="kubernetes.io/csi:d",state="actual_state_of_world"} 1',
    'storage_count_attachable_volumes_in_use{node="n",volume_plugin="kubernetes.io/csi:d"} 1',
    'attach_detach_controller_attachdetach_controller_forced_detaches{reason="timeout"} 1',
  ])
    assert.ok(lines.includes(line), line);
});
