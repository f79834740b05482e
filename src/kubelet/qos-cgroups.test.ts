import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../api/types/core-v1.gen.ts";
import type { Cgroups, CgroupValues } from "../linux/cgroups.ts";
import { QosCgroups } from "./qos-cgroups.ts";

const asks = (requests?: Record<string, string>, limits?: Record<string, string>): Pod =>
  ({ metadata: {}, spec: { containers: [{ name: "c", resources: { ...(requests ? { requests } : {}), ...(limits ? { limits } : {}) } }] } }) as Pod;

test("burstable pods weigh what they ask for together, those that ask for nothing next to nothing", () => {
  const groups = new Map<string, CgroupValues>();
  let writes = 0;
  const write = (path: string, values: CgroupValues): void => {
    writes++;
    groups.set(path, { ...groups.get(path), ...values });
  };
  const pods = [asks({ cpu: "500m" }), asks({ cpu: "1" }, { memory: "1Gi" }), asks(), asks({ cpu: "2", memory: "1Gi" }, { cpu: "2", memory: "1Gi" })];
  const forPods = { cpuShares: 2048, memory: 1 << 30 };
  const qos = new QosCgroups({ cgroups: { create: write, update: write } as unknown as Cgroups, root: "/k8ts", forPods, pods: () => pods });
  qos.start();
  assert.deepEqual(Object.fromEntries(groups), {
    "/k8ts/kubepods": forPods,
    "/k8ts/kubepods/besteffort": { cpuShares: 2 },
    "/k8ts/kubepods/burstable": { cpuShares: 1536 },
  });
  qos.update();
  assert.equal(writes, 3, "nothing is written that is so already");
  pods.length = 1;
  qos.update();
  assert.equal(groups.get("/k8ts/kubepods/burstable")?.cpuShares, 512);
  pods.length = 0;
  qos.update();
  assert.equal(groups.get("/k8ts/kubepods/burstable")?.cpuShares, 2);
});
