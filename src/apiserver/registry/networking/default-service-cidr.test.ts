import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceCIDR } from "../../../api/types/networking-v1.gen.ts";
import { nextStep } from "./default-service-cidr.ts";

const cidr = (cidrs: string[], ready?: string, metadata: object = {}): ServiceCIDR =>
  ({
    metadata,
    spec: { cidrs },
    status: { conditions: ready ? [{ type: "Ready", status: ready, reason: "Why", message: "so." }] : [] },
  }) as unknown as ServiceCIDR;
const [four, six] = ["10.96.0.0/16", "fd00::/112"];

test("the default range is made when it is not there, and said to be ready", () => {
  assert.deepEqual(nextStep(undefined, [four]), { act: "create" });
  assert.deepEqual(nextStep(cidr([four]), [four]), { act: "ready" });
  assert.equal(nextStep(cidr([four], "True"), [four]), undefined);
});

test("a second family is added; any other difference is only told of", () => {
  assert.deepEqual(nextStep(cidr([four], "True"), [four, six]), { act: "widen" });
  const reason = "KubernetesDefaultServiceCIDRInconsistent";
  assert.deepEqual(nextStep(cidr(["10.0.0.0/16"], "True"), [four]), {
    warn: { reason, message: "The default ServiceCIDR [10.0.0.0/16] does not match the controller flag configurations [10.96.0.0/16]" },
  });
  assert.deepEqual(nextStep(cidr([four], "False"), [four]), { warn: { reason: "Why", message: "Configuration matches, but so." } });
});

test("one that is being deleted is left to whoever deletes it", () => {
  assert.equal(nextStep(cidr([four], "False", { deletionTimestamp: "t" }), [four]), undefined);
});
