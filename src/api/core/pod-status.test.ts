import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, PodCondition } from "../types/core-v1.gen.ts";
import { podConditionPatch } from "./pod-status.ts";

const pod = (...conditions: object[]): Pod => ({ metadata: { name: "p" }, status: { conditions } }) as unknown as Pod;
const taken: PodCondition = { type: "DisruptionTarget", status: "True", reason: "DeletionByPodGC", message: "PodGC: node no longer exists" };

test("a condition is merged in with the time of its change", () => {
  assert.deepEqual(podConditionPatch(pod(), taken, "now"), { conditions: [{ ...taken, lastTransitionTime: "now" }] });
});

test("its time stays while its status does, and what it no longer says goes", () => {
  const old = { ...taken, observedGeneration: 2, lastProbeTime: null, lastTransitionTime: "then" };
  const { message: _, ...other } = { ...taken, reason: "EvictionByEvictionAPI" };
  assert.deepEqual(podConditionPatch(pod(old), other, "now"), {
    conditions: [{ ...other, lastTransitionTime: "then", message: null, observedGeneration: null }],
  });
  assert.deepEqual(podConditionPatch(pod(old), { type: "DisruptionTarget", status: "False", observedGeneration: 3 }, "now"), {
    conditions: [{ type: "DisruptionTarget", status: "False", observedGeneration: 3, lastTransitionTime: "now", reason: null, message: null }],
  });
});

test("nothing is written where the condition stands there already", () => {
  assert.equal(podConditionPatch(pod({ ...taken, observedGeneration: 2, lastTransitionTime: "then" }), { ...taken, observedGeneration: 3 }, "now"), undefined);
});
