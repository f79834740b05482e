import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../api/types/core-v1.gen.ts";
import { PodWorker } from "./pod-worker.ts";
import { container, podOf, TestNode } from "./test-node.ts";

const running = (node: TestNode) => (): boolean => node.api.status()?.containerStatuses?.every((c) => c.state?.running) === true;
const deleted = (pod: Pod, seconds = 30): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, deletionTimestamp: "2026-01-01T00:01:00Z", deletionGracePeriodSeconds: seconds },
});

test("a pod starts, is told of, ends with its object, and nothing is left", async () => {
  using node = new TestNode();
  const pod = podOf({ containers: [container("a"), container("b")] });
  const worker = node.take(pod);
  await node.until(running(node));
  assert.deepEqual(node.runtime.calls, ["RunPodSandbox p", "CreateContainer a", "StartContainer a", "CreateContainer b", "StartContainer b"]);
  assert.equal(node.api.status()?.phase, "Running");
  assert.deepEqual(node.api.status()?.podIPs, [{ ip: "10.0.0.9" }]);
  const gone = node.api.add(deleted(node.api.pods.get("n/p") as Pod));
  node.services.statuses.observe(gone);
  worker.update(gone);
  await node.until(() => node.api.pods.size === 0);
  assert.deepEqual([worker.state, node.released, node.finished], ["finished", ["u"], ["u"]]);
  assert.ok(node.events.includes("Killing Stopping container a"));
});

test("nothing is done before it is decided that the node takes the pod", async () => {
  using node = new TestNode();
  const worker = new PodWorker(node.services, podOf({ containers: [container("a")] }), "2026-01-01T00:00:00Z", "api");
  worker.kick();
  worker.noticed({ fingerprint: "something", at: 0 });
  await node.quiet();
  assert.deepEqual(node.runtime.calls, []);
  worker.begin();
  await node.until(() => node.runtime.calls.includes("StartContainer a"));
  worker.close();
});

test("of a pod that this node has never had the runtime is asked nothing before its sandbox is made", async () => {
  using node = new TestNode();
  const asked: string[] = [];
  node.runtime.instead = (method) => void asked.push(method);
  const worker = new PodWorker(node.services, node.api.add(podOf({ containers: [container("a")] })), "2026-01-01T00:00:00Z", "api", true);
  worker.begin();
  await node.until(running(node));
  assert.equal(asked.filter((method) => method.startsWith("List") && method !== "ListImages").length, 0);
  worker.kick();
  await node.until(() => asked.includes("ListContainers"), "the second step reads");
  worker.close();
});

test("a list that was asked for before the worker's last step has the next one looked at; a later one that differs is acted on", async () => {
  using node = new TestNode();
  const worker = node.take(podOf({ restartPolicy: "Never", containers: [container("a")] }));
  await node.until(running(node));
  await node.pass(1);
  node.runtime.exit("a", 3);
  const before = node.clock.monotonic() - 1000;
  worker.noticed({ fingerprint: "older", at: before - 1 });
  await node.quiet();
  assert.deepEqual([node.toldAgain, node.api.status()?.phase], [["u"], "Running"]);
  worker.noticed({ fingerprint: "newer", at: node.clock.monotonic() });
  await node.until(() => node.api.status()?.phase === "Failed");
});

test("a container that crashes waits longer each time, and comes back at once after ten quiet minutes", async () => {
  using node = new TestNode();
  const worker = node.take(podOf({ containers: [container("a")] }));
  await node.until(running(node));
  const restarts = (): number => node.api.status()?.containerStatuses?.[0]?.restartCount ?? 0;
  const crash = async (): Promise<void> => {
    node.runtime.exit("a", 1);
    worker.kick();
    await node.quiet();
  };
  await crash();
  await node.until(() => restarts() === 1, "the first restart is at once");
  await crash();
  assert.equal(node.api.status()?.containerStatuses?.[0]?.state?.waiting?.reason, "CrashLoopBackOff");
  assert.match(node.api.status()?.containerStatuses?.[0]?.state?.waiting?.message ?? "", /^back-off 10s restarting failed container=a pod=p_n\(u\)$/);
  await node.pass(9);
  assert.equal(restarts(), 1);
  await node.pass(2);
  await node.until(() => restarts() === 2, "the second restart is after ten seconds");
  await crash();
  await node.pass(19);
  assert.equal(restarts(), 2);
  await node.pass(2);
  await node.until(() => restarts() === 3, "the third restart is after twenty seconds");
  await node.pass(601, 30);
  await crash();
  await node.until(() => restarts() === 4, "who has run for ten minutes is started at once");
});

test("with restartPolicy Never a pod is over with its last container, and its end is told when nothing runs", async () => {
  using node = new TestNode();
  const worker = node.take(podOf({ restartPolicy: "Never", containers: [container("a"), container("b")] }));
  await node.until(running(node));
  node.runtime.exit("a", 0);
  worker.kick();
  await node.quiet();
  assert.equal(node.api.status()?.phase, "Running");
  node.runtime.exit("b", 3);
  worker.kick();
  await node.until(() => worker.state === "finished");
  await node.quiet();
  assert.equal(node.api.status()?.phase, "Failed");
  assert.deepEqual(
    node.api.status()?.containerStatuses?.map((c) => c.state?.terminated?.exitCode),
    [0, 3],
  );
});

test("a stubborn container is killed when its grace period is over; a shorter one counts from when it comes", async () => {
  using node = new TestNode();
  node.runtime.stubborn.add("a");
  const worker = node.take(podOf({ containers: [container("a")] }));
  await node.until(running(node));
  const asked = deleted(node.api.pods.get("n/p") as Pod, 60);
  worker.update(node.api.add(asked));
  await node.pass(10);
  assert.equal(worker.state, "terminating");
  worker.update(node.api.add(deleted(asked, 5)));
  await node.pass(4);
  assert.equal(worker.state, "terminating");
  await node.pass(2);
  await node.until(() => worker.state === "finished");
});

test("a preStop hook that never returns has the grace period, and two seconds for the container remain", async () => {
  using node = new TestNode();
  node.runtime.instead = (method) => (method === "ExecSync" ? new Promise(() => undefined) : undefined);
  const worker = node.take(podOf({ containers: [container("a", { lifecycle: { preStop: { exec: { command: ["sleep", "1000"] } } } })] }));
  await node.until(running(node));
  worker.update(node.api.add(deleted(node.api.pods.get("n/p") as Pod, 10)));
  await node.pass(9);
  assert.ok(!node.runtime.calls.includes("StopContainer a"));
  await node.pass(2);
  await node.until(() => worker.state === "finished");
  assert.ok(node.runtime.calls.includes("StopContainer a"));
});

test("a postStart hook that never returns holds up nobody's end", async () => {
  using node = new TestNode();
  node.runtime.instead = (method) => (method === "ExecSync" ? new Promise(() => undefined) : undefined);
  const worker = node.take(podOf({ containers: [container("a", { lifecycle: { postStart: { exec: { command: ["x"] } } } })] }));
  await node.until(() => node.runtime.calls.includes("ExecSync a"));
  worker.update(node.api.add(deleted(node.api.pods.get("n/p") as Pod, 10)));
  await node.until(() => worker.state === "finished");
});

test("a pod is failed when its deadline passes, counted from its start", async () => {
  using node = new TestNode();
  const worker = node.take(podOf({ activeDeadlineSeconds: 20, containers: [container("a")] }));
  await node.until(running(node));
  await node.pass(19);
  assert.equal(worker.state, "syncing");
  await node.pass(2);
  await node.until(() => worker.state === "finished");
  await node.quiet();
  assert.deepEqual([node.api.status()?.phase, node.api.status()?.reason], ["Failed", "DeadlineExceeded"]);
  assert.ok(node.events.includes("DeadlineExceeded Pod was active on the node longer than the specified deadline"));
});

test("sidecars start before and stop after the others, the last one first", async () => {
  using node = new TestNode();
  const sidecar = (name: string) => container(name, { restartPolicy: "Always" });
  const worker = node.take(podOf({ initContainers: [sidecar("s1"), container("init"), sidecar("s2")], containers: [container("a")] }));
  await node.until(() => node.runtime.calls.includes("StartContainer init"));
  assert.ok(!node.runtime.calls.includes("StartContainer s2"));
  node.runtime.exit("init", 0);
  worker.kick();
  await node.until(running(node));
  node.runtime.exit("s1", 1);
  worker.kick();
  await node.until(() => node.api.status()?.initContainerStatuses?.[0]?.restartCount === 1);
  node.runtime.calls.length = 0;
  worker.update(node.api.add(deleted(node.api.pods.get("n/p") as Pod)));
  await node.until(() => worker.state === "finished");
  assert.deepEqual(
    node.runtime.calls.filter((call) => call.startsWith("StopContainer")),
    ["StopContainer a", "StopContainer s2", "StopContainer s1"],
  );
});

test("a runtime that fails, or forgets, is asked again; the pod gets another sandbox", async () => {
  using node = new TestNode();
  let broken = true;
  node.runtime.instead = (method) => (broken && method === "RunPodSandbox" ? Promise.reject(new Error("no room")) : undefined);
  const worker = node.take(podOf({ containers: [container("a")] }));
  await node.until(() => node.events.some((e) => e.startsWith("FailedCreatePodSandBox Failed to create pod sandbox: no room")));
  broken = false;
  await node.pass(3);
  await node.until(running(node));
  const [sandbox] = [...node.runtime.sandboxes.values()];
  assert.ok(sandbox);
  sandbox.state = "SANDBOX_NOTREADY";
  node.runtime.exit("a", 137);
  worker.kick();
  await node.until(() => node.runtime.sandboxes.size === 2);
  assert.ok(node.events.includes("SandboxChanged Pod sandbox changed, it will be killed and re-created."));
});

test("without a network only pods of the host's begin", async () => {
  using node = new TestNode();
  node.networkProblem = "cni plugin not initialized";
  node.take(podOf({ containers: [container("a")] }));
  await node.until(() => node.events.includes("NetworkNotReady network is not ready: cni plugin not initialized"));
  node.take(podOf({ hostNetwork: true, containers: [container("h")] }, { name: "h", uid: "h" }));
  await node.until(() => node.runtime.calls.includes("StartContainer h"));
  assert.ok(!node.runtime.calls.includes("StartContainer a"));
  node.networkProblem = undefined;
  await node.pass(12);
  await node.until(running(node));
});

test("while the API is away pods go on, and it is told the latest when it is back", async () => {
  using node = new TestNode();
  node.api.down = true;
  const worker = node.take(podOf({ containers: [container("a")] }));
  await node.until(() => node.runtime.calls.includes("StartContainer a"));
  node.runtime.exit("a", 1);
  worker.kick();
  await node.until(() => node.runtime.calls.filter((c) => c === "StartContainer a").length === 2);
  await node.pass(3600, 30);
  assert.equal(node.api.status()?.phase, "Pending");
  node.api.down = false;
  await node.pass(20, 5);
  assert.deepEqual([node.api.status()?.phase, node.api.status()?.containerStatuses?.[0]?.restartCount], ["Running", 1]);
});

test("a liveness probe that never returns, or fails, ends the container and not the pod", async () => {
  using node = new TestNode();
  let answer: () => Promise<unknown> = () => new Promise(() => undefined);
  node.runtime.instead = (method) => (method === "ExecSync" ? answer() : undefined);
  const livenessProbe = { exec: { command: ["x"] }, timeoutSeconds: 1, periodSeconds: 2, failureThreshold: 2, successThreshold: 1 };
  node.take(podOf({ containers: [container("a", { livenessProbe })] }));
  await node.until(running(node));
  await node.pass(5);
  assert.equal(node.runtime.find("a").attempt, 0);
  answer = async () => ({ exitCode: 1, stdout: Buffer.from("dead"), stderr: Buffer.alloc(0) });
  await node.pass(60);
  await node.until(() => node.events.some((e) => e.startsWith("Unhealthy Liveness probe failed: dead")));
});

test("an object that is gone from the API takes its pod with it, at once", async () => {
  using node = new TestNode();
  node.runtime.stubborn.add("a");
  const worker = node.take(podOf({ terminationGracePeriodSeconds: 600, containers: [container("a")] }));
  await node.until(running(node));
  node.api.pods.clear();
  worker.orphaned();
  await node.pass(3);
  await node.until(() => worker.state === "finished");
});

test("a refused pod starts nothing and tells why", async () => {
  using node = new TestNode();
  const pod = podOf({ containers: [container("a")] });
  const worker = node.take({ ...pod, spec: { ...pod.spec, schedulerName: "x" } });
  worker.fail({ phase: "Failed", reason: "OutOfcpu", message: "Pod was rejected: no", refused: true });
  await node.until(() => worker.state === "finished");
  await node.quiet();
  assert.deepEqual([node.api.status()?.phase, node.api.status()?.reason, node.api.status()?.message], ["Failed", "OutOfcpu", "Pod was rejected: no"]);
  assert.equal(node.api.status()?.containerStatuses, undefined);
});

test("an end that has all containers begin anew removes them all and starts them in order, in the same sandbox", async () => {
  using node = new TestNode();
  const rule = { action: "RestartAllContainers", exitCodes: { operator: "In", values: [42] } };
  const source = container("a", { restartPolicy: "Never", restartPolicyRules: [rule] });
  const worker = node.take(podOf({ restartPolicy: "Never", initContainers: [container("init")], containers: [source, container("b")] }));
  await node.until(() => node.runtime.calls.includes("StartContainer init"));
  node.runtime.exit("init", 0);
  worker.kick();
  await node.until(running(node));
  assert.equal(node.api.status()?.conditions?.find((c) => c.type === "AllContainersRestarting")?.status, "False");
  node.runtime.calls.length = 0;
  node.runtime.exit("a", 42);
  worker.kick();
  await node.until(() => node.runtime.calls.includes("StartContainer init"));
  assert.deepEqual(node.runtime.calls, [
    "StopContainer b",
    "RemoveContainer b",
    "RemoveContainer init",
    "RemoveContainer a",
    "CreateContainer init",
    "StartContainer init",
  ]);
  node.runtime.exit("init", 0);
  worker.kick();
  await node.until(() => node.api.status()?.containerStatuses?.every((c) => c.state?.running && c.restartCount === 1) === true);
  assert.equal(node.runtime.sandboxes.size, 1);
  assert.deepEqual(
    node.api.status()?.containerStatuses?.map((c) => c.lastState?.terminated?.reason),
    ["RestartingAllContainers", "RestartingAllContainers"],
  );
});
