import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job } from "../../api/types/batch-v1.gen.ts";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { firstPending, formatIndexes, parseIndexes } from "./job-indexes.ts";
import { backoffLeft, judgeFailure, metSuccessRule, nextBackoff } from "./job-policy.ts";
import { ending, jobState, surplus, trackingFinalizer, wantedActive } from "./job-state.ts";

const now = Date.UTC(2026, 0, 1, 1);
const job = (spec: object = {}, status: object = {}): Job =>
  ({ metadata: { name: "j", namespace: "ns" }, spec: { parallelism: 2, template: { spec: {} }, ...spec }, status }) as unknown as Job;
const pod = (
  name: string,
  phase: string,
  {
    index,
    exitCode = 1,
    conditions = [] as object[],
    annotations = {},
  }: { index?: number; exitCode?: number; conditions?: object[]; annotations?: object } = {},
): Pod =>
  ({
    metadata: {
      name,
      uid: name,
      namespace: "ns",
      creationTimestamp: "2026-01-01T00:00:00Z",
      finalizers: [trackingFinalizer],
      annotations: index === undefined ? annotations : { ...annotations, "batch.kubernetes.io/job-completion-index": String(index) },
    },
    spec: { containers: [] },
    status: {
      phase,
      conditions,
      containerStatuses: phase === "Failed" ? [{ name: "c", restartCount: 0, state: { terminated: { exitCode, finishedAt: "2026-01-01T00:59:55Z" } } }] : [],
    },
  }) as unknown as Pod;
const none = new Set<string>();

test("indexes are written as runs and read back", () => {
  assert.equal(formatIndexes(new Set([7, 1, 3, 4, 5, 9, 10])), "1,3-5,7,9,10");
  assert.deepEqual([...parseIndexes("1,3-5,x,9-20", 11)], [1, 3, 4, 5, 9, 10]);
  assert.deepEqual(firstPending(3, 6, new Set([0]), new Set([2, 3])), [1, 4, 5]);
});

test("active pods are wanted up to parallelism and what is left to complete", () => {
  const state = (spec: object, pods: Pod[], status = {}) => jobState(job(spec, status), pods, none);
  assert.equal(wantedActive(state({ completions: 5 }, [])), 2);
  assert.equal(wantedActive(state({ completions: 3 }, [pod("a", "Succeeded"), pod("b", "Succeeded")])), 1);
  assert.equal(wantedActive(state({}, [pod("a", "Succeeded"), pod("b", "Running")])), 1);
  assert.equal(wantedActive(state({ completions: 5, suspend: true }, [])), 0);
});

test("a pod already counted in the status is not counted again", () => {
  const pods = [pod("a", "Succeeded"), pod("b", "Failed"), pod("c", "Failed")];
  const state = jobState(job({}, { succeeded: 3, failed: 1, uncountedTerminatedPods: { succeeded: ["a"], failed: ["b"] } }), pods, none);
  assert.deepEqual([state.succeeded, state.failed, state.newlyFailed.map((p) => p.metadata.name)], [4, 3, ["c"]]);
  assert.equal(jobState(job({}, { failed: 3 }), pods.slice(2), new Set(["c"])).failed, 3);
});

test("a Job ends by its back-off limit, its deadline, or the policy's rule", () => {
  const reason = (spec: object, pods: Pod[], status = {}) => ending(jobState(job(spec, status), pods, none), now)?.reason;
  assert.equal(reason({ backoffLimit: 0 }, [pod("a", "Failed")]), "BackoffLimitExceeded");
  assert.equal(reason({ backoffLimit: 1 }, [pod("a", "Failed")]), undefined);
  assert.equal(reason({ activeDeadlineSeconds: 60 }, [], { startTime: "2026-01-01T00:59:00Z" }), "DeadlineExceeded");
  const policy = { rules: [{ action: "FailJob", onExitCodes: { operator: "In", values: [42] } }] };
  assert.equal(reason({ podFailurePolicy: policy }, [pod("a", "Failed", { exitCode: 42 })]), "PodFailurePolicy");
  assert.equal(reason({ podFailurePolicy: policy }, [pod("a", "Failed", { exitCode: 1 })]), undefined);
});

test("a failure policy names container, code and rule, and ignores what it is told to", () => {
  const rules = [
    { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
    { action: "FailJob", onExitCodes: { operator: "NotIn", values: [0, 3] } },
  ];
  const judged = (p: Pod) => judgeFailure(job({ podFailurePolicy: { rules } }), p);
  assert.deepEqual(judged(pod("a", "Failed", { conditions: [{ type: "DisruptionTarget", status: "True" }] })), { counts: false, failsIndex: false });
  assert.equal(judged(pod("a", "Failed", { exitCode: 7 })).message, "Container c for pod ns/a failed with exit code 7 matching FailJob rule at index 1");
  assert.deepEqual(judged(pod("a", "Failed", { exitCode: 3 })), { counts: true, failsIndex: false });
});

test("failures wait ten seconds, doubled each time, and a success starts anew", () => {
  const record = nextBackoff({ failures: 1, lastFailure: 0 }, [], [pod("a", "Failed")]);
  assert.deepEqual(record, { failures: 2, lastFailure: now - 5000 });
  assert.equal(backoffLeft(record, now), 15_000);
  assert.deepEqual(nextBackoff(record, [pod("b", "Succeeded")], []), { failures: 0 });
  assert.equal(backoffLeft({ failures: 30, lastFailure: now }, now), 600_000);
});

test("an indexed Job drops the double pod of an index and one out of range", () => {
  const pods = [pod("a", "Running", { index: 0 }), pod("b", "Pending", { index: 0 }), pod("c", "Running", { index: 9 })];
  const state = jobState(job({ completions: 3, completionMode: "Indexed" }), pods, none);
  assert.deepEqual(
    surplus(state, 0, now)
      .map((p) => p.metadata.name)
      .sort(),
    ["b", "c"],
  );
});

test("a success policy is met by its indexes or their number", () => {
  const rules = [{ succeededIndexes: "0-2", succeededCount: 2 }, { succeededCount: 4 }];
  const met = (...indexes: number[]) => metSuccessRule(job({ completions: 10, successPolicy: { rules } }), new Set(indexes));
  assert.equal(met(0), undefined);
  assert.equal(met(0, 2), "Matched rules at index 0");
  assert.equal(met(5, 6, 7, 8), "Matched rules at index 1");
});
