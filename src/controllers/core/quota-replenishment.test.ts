import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "../../api/object.ts";
import { isCharged, isReplenishing, usedOf } from "./quota-replenishment.ts";

const object = (more: object): KubeObject => ({ metadata: { name: "o" }, spec: {}, ...more }) as unknown as KubeObject;
const pods = "pods";
const at = Date.parse("2026-01-01T00:00:00Z");

test("what is made has been counted, what goes gives back", () => {
  assert.equal(isReplenishing(pods, undefined, object({}), at), false);
  assert.equal(isReplenishing(pods, object({}), undefined, at), true);
  assert.equal(isReplenishing("deployments.apps", object({}), object({ spec: { replicas: 2 } }), at), false);
});

test("a pod gives back when it ends, when its time is over, when it gets a deadline, and when it is resized", () => {
  const running = object({ status: { phase: "Running", containerStatuses: [{ name: "c", resources: { requests: { cpu: "1" } } }] } });
  const pod = (more: object): boolean => isReplenishing(pods, running, object({ status: (running as { status?: object }).status, ...more }), at);
  assert.equal(pod({}), false);
  assert.equal(pod({ status: { ...(running as { status?: object }).status, phase: "Succeeded" } }), true);
  const deleted = (deletionTimestamp: string) => ({ metadata: { name: "o", deletionTimestamp, deletionGracePeriodSeconds: 0 } });
  assert.equal(pod(deleted("2026-01-01T00:00:30Z")), false);
  assert.equal(pod(deleted("2025-12-31T23:59:30Z")), true);
  assert.equal(pod({ spec: { activeDeadlineSeconds: 5 } }), true);
  assert.equal(pod({ status: { phase: "Running", containerStatuses: [{ name: "c", resources: { requests: { cpu: "500m" } } }] } }), true);
});

test("a Service gives back with its type, a claim with what was allocated", () => {
  const service = (type: string) => object({ spec: { type } });
  assert.equal(isReplenishing("services", service("ClusterIP"), service("ExternalName"), at), false);
  assert.equal(isReplenishing("services", service("LoadBalancer"), service("NodePort"), at), true);
  const claim = (storage: string, phase: string) => object({ status: { phase, allocatedResources: { storage } } });
  assert.equal(isReplenishing("persistentvolumeclaims", claim("1Gi", "Pending"), claim("1Gi", "Bound"), at), false);
  assert.equal(isReplenishing("persistentvolumeclaims", claim("2Gi", "Bound"), claim("1Gi", "Bound"), at), true);
});

test("what is charged and not counted stays charged until it may be given back", () => {
  const charged = { pods: "3", "requests.cpu": "1500m", secrets: "2" };
  const counted = { pods: "2", "requests.cpu": "2", configmaps: "1" };
  assert.deepEqual(usedOf(charged, counted, false), { pods: "3", "requests.cpu": "2", configmaps: "1" });
  assert.deepEqual(usedOf(charged, counted, true), counted);
  assert.deepEqual([isCharged({ pods: "2" }, { pods: "3" }), isCharged({ pods: "3" }, { pods: "2" }), isCharged({}, { pods: "1" })], [true, false, false]);
});
