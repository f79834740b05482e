import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { VirtualClock } from "../../base/clock.ts";
import { silentLogger } from "../../base/logger.ts";
import type { PodEvents } from "../pod-events.ts";
import type { Verdict } from "../pod-status.ts";
import { shutdownGroups, shutdownPeriods } from "./plan.ts";
import { type EndingPod, NodeShutdown } from "./shutdown.ts";

const none = { shutdownGracePeriod: 0, shutdownGracePeriodCriticalPods: 0, shutdownGracePeriodByPodPriority: [] };

class Ending implements EndingPod {
  state = "syncing";
  readonly pod: Pod;
  readonly takes: number;
  readonly clock: VirtualClock;
  verdict: Verdict | undefined;
  told: [at: number, grace: number] | undefined;
  constructor(clock: VirtualClock, name: string, priority: number, takes: number, grace = 30) {
    this.clock = clock;
    this.takes = takes;
    this.pod = { metadata: { name, uid: name }, spec: { priority, terminationGracePeriodSeconds: grace, containers: [] } } as unknown as Pod;
  }
  fail(verdict: Verdict, grace: number): void {
    this.verdict = verdict;
    this.told = [this.clock.monotonic() / 1000, grace];
    this.clock.after(Math.min(this.takes, grace) * 1000, () => {
      this.state = "finished";
    });
  }
}

test("periods are those of priorities, or of ordinary and of critical pods; nothing set is nothing done", () => {
  assert.deepEqual(shutdownPeriods(none), []);
  assert.deepEqual(shutdownPeriods({ ...none, shutdownGracePeriod: 30_000, shutdownGracePeriodCriticalPods: 10_000 }), [
    { priority: 0, shutdownGracePeriodSeconds: 20 },
    { priority: 2_000_000_000, shutdownGracePeriodSeconds: 10 },
  ]);
  const given = [
    { priority: 1000, shutdownGracePeriodSeconds: 5 },
    { priority: 10, shutdownGracePeriodSeconds: 7 },
  ];
  const periods = shutdownPeriods({ ...none, shutdownGracePeriodByPodPriority: given });
  const clock = new VirtualClock();
  const pods = [-5, 10, 999, 1000, 5000].map((priority) => new Ending(clock, String(priority), priority, 1));
  assert.deepEqual(
    shutdownGroups(periods, pods).map((group) => [group.priority, group.pods.map((p) => p.pod.metadata.name)]),
    [
      [10, ["-5", "10", "999"]],
      [1000, ["1000", "5000"]],
    ],
  );
});

test("ordinary pods end before critical ones, nobody longer than his time, and the machine waits for that", async () => {
  const clock = new VirtualClock();
  const told: string[] = [];
  const pods = [
    new Ending(clock, "quick", 0, 2, 5),
    new Ending(clock, "stuck", 0, Number.POSITIVE_INFINITY, 600),
    new Ending(clock, "critical", 2_000_000_000, 1, 600),
  ];
  pods[1] = Object.assign(pods[1] as Ending, { fail: (_: Verdict, grace: number) => told.push(`stuck ${grace}`) });
  let say: (begins: boolean) => void = () => undefined;
  const stop = new AbortController();
  const shutdown = new NodeShutdown({
    periods: shutdownPeriods({ ...none, shutdownGracePeriod: 30_000, shutdownGracePeriodCriticalPods: 10_000 }),
    inhibitor: {
      allow: async (seconds) => void told.push(`allow ${seconds}`),
      hold: async () => {
        told.push("held");
        return { [Symbol.dispose]: () => void told.push(`released at ${clock.monotonic() / 1000}`) };
      },
      async *watch() {
        for (;;)
          yield await new Promise<boolean>((resolve) => {
            say = resolve;
          });
      },
    },
    clock,
    logger: silentLogger,
    events: { node: (_: string, reason: string, text: string) => told.push(`${reason} ${text}`) } as unknown as PodEvents,
    signal: stop.signal,
    pods: () => pods,
    onChange: () => told.push(shutdown.problem ?? "well"),
  });
  shutdown.start();
  await clock.advance(100_000);
  assert.deepEqual(told.splice(0), ["allow 30", "held"]);
  assert.equal(shutdown.admit(), undefined);
  say(true);
  await clock.advance(60_000);
  assert.deepEqual(told.splice(0), ["NodeShutdown Shutdown manager detected shutdown event", "node is shutting down", "stuck 20", "released at 121"]);
  assert.deepEqual(
    [pods[0]?.told, pods[2]?.told],
    [
      [100, 5],
      [120, 10],
    ],
  );
  assert.deepEqual(pods[0]?.verdict, {
    phase: "Failed",
    reason: "Terminated",
    message: "Pod was terminated in response to imminent node shutdown.",
    disruption: true,
  });
  assert.deepEqual(shutdown.admit(), { reason: "NodeShutdown", message: "Pod was rejected as the node is shutting down." });
  say(false);
  await clock.advance(0);
  assert.deepEqual(told.splice(0), ["NodeShutdown Shutdown manager detected shutdown cancellation", "well", "held"]);
  assert.equal(shutdown.admit(), undefined);
  stop.abort();
  assert.deepEqual(told, ["released at 160"]);
});
