import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../api/types/core-v1.gen.ts";
import { Intake, type IntakeOptions } from "./intake.ts";

const pod = (gate: string | undefined, resourceVersion: string): Pod =>
  ({
    metadata: { name: "p", namespace: "default", uid: "u", generation: 1, resourceVersion },
    spec: { readinessGates: [{ conditionType: "example.org/gate" }], containers: [{ name: "c" }] },
    status: { conditions: [{ type: "Ready", status: "False", message: resourceVersion }, ...(gate ? [{ type: "example.org/gate", status: gate }] : [])] },
  }) as unknown as Pod;

test("a worker hears of what others say of its pod's readiness, and not of the node's own words", () => {
  const heard: string[] = [];
  const workers = new Map([["u", { update: (now: Pod) => heard.push(now.metadata.resourceVersion as string) }]]);
  const intake = new Intake({ workers, statuses: { observe: () => undefined }, onGone: () => undefined } as unknown as IntakeOptions);
  const states = [pod(undefined, "1"), pod(undefined, "2"), pod("False", "3"), pod("False", "4"), pod("True", "5"), pod("True", "6")];
  for (const [i, now] of states.entries()) if (i) intake.observe(states[i - 1], now);
  assert.deepEqual(heard, ["3", "5"]);
});
