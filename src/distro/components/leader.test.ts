import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualClock } from "../../base/clock.ts";
import { LeaderHealth } from "./leader.ts";

test("a leader that works on long after its lease is over is not well; who does not lead, or needs no election, is", async () => {
  const flags = {
    "leader-elect": true,
    "leader-elect-lease-duration": 15_000,
    "leader-elect-renew-deadline": 10_000,
    "leader-elect-retry-period": 2000,
    "leader-elect-resource-name": "kube-scheduler",
    "leader-elect-resource-namespace": "kube-system",
  };
  const clock = new VirtualClock();
  const health = new LeaderHealth(flags, clock);
  const [check] = health.checks;
  const said = (): unknown => check?.check();
  await clock.advance(60_000);
  assert.equal(said(), undefined);
  health.renewed();
  await clock.advance(35_000);
  assert.equal(said(), undefined);
  await clock.advance(1);
  assert.equal(said(), "failed election to renew leadership on lease kube-scheduler");
  health.ended();
  assert.equal(said(), undefined);
  assert.deepEqual(new LeaderHealth({ ...flags, "leader-elect": false }, clock).checks, []);
});
