/** A sample of conformance/faults.ts for the controllers of volumes and ranges of addresses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { explore } from "../../../conformance/faults/explore.ts";
import { loadScenarios } from "../../../conformance/faults/scenario.ts";

const scenarios = new Map(loadScenarios().map((scenario) => [scenario.name, scenario]));

for (const [name, every] of [
  ["volume-attachment", 40],
  ["ephemeral-volumes", 40],
  ["attributes-classes", 40],
  ["volume-expansion", 40],
  ["service-ranges", 40],
  ["node-secrets", 40],
] as const)
  test(`${name}: whatever goes wrong with a request, the end is the same`, async () => {
    const scenario = scenarios.get(name);
    assert.ok(scenario, name);
    for (const controller of scenario.faulted ?? []) {
      const { points, findings } = await explore({ scenario, controller, seed: 1, prove: false, every });
      assert.ok(points > 0, "no fault was tried");
      assert.deepEqual(findings, []);
    }
  });
