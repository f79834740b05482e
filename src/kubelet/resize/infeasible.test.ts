import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { infeasibleResize } from "./infeasible.ts";

const pod = (cpu: string, memory: string, limit = cpu): Pod =>
  ({ spec: { containers: [{ name: "c", resources: { requests: { cpu, memory }, limits: { cpu: limit, memory } } }] } }) as unknown as Pod;

test("what a container of a Guaranteed pod has alone is not resized", () => {
  const both = { cpuManagerPolicy: "static", memoryManagerPolicy: "Static" } as const;
  const none = { cpuManagerPolicy: "none", memoryManagerPolicy: "None" } as const;
  assert.equal(infeasibleResize(pod("1", "1Gi"), pod("2", "1Gi"), both), 'Resize is infeasible for Guaranteed Pods alongside CPU Manager policy "static"');
  assert.equal(infeasibleResize(pod("1", "1Gi"), pod("1", "2Gi"), both), 'Resize is infeasible for Guaranteed Pods alongside Memory Manager policy "Static"');
  assert.equal(infeasibleResize(pod("1", "1Gi"), pod("1000m", "1024Mi"), both), undefined);
  assert.equal(infeasibleResize(pod("1", "1Gi"), pod("2", "2Gi"), none), undefined);
  assert.equal(infeasibleResize(pod("1", "1Gi", "2"), pod("2", "1Gi", "3"), both), undefined);
});
