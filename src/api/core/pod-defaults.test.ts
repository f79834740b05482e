import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../types/core-v1.gen.ts";
import { setPodDefaults } from "./pod-defaults.ts";

test("limits of nothing stand in for requests as well", () => {
  const pod = {
    spec: {
      containers: [
        { name: "c", resources: { limits: {} } },
        { name: "d", resources: {} },
      ],
    },
  } as unknown as Pod;
  setPodDefaults(pod);
  assert.deepEqual(
    pod.spec.containers.map(({ resources }) => resources.requests && { ...resources.requests }),
    [{}, undefined],
  );
});
