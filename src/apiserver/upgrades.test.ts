import assert from "node:assert/strict";
import { test } from "node:test";
import { forbidden } from "../api/status.ts";
import { VirtualClock } from "../base/clock.ts";
import { Metrics } from "../base/metrics.ts";
import type { AuditRecord } from "./audit/auditor.ts";
import { createServerMetrics } from "./metrics/requests.ts";
import { parseRequestInfo } from "./request-info.ts";
import { AdmittedUpgrade } from "./upgrades.ts";

const query = new URLSearchParams();
const info = parseRequestInfo("GET", "/api/v1/namespaces/a/pods/p/exec", query);

function upgrade(): { metrics: Metrics; said: string[]; admitted: AdmittedUpgrade; clock: VirtualClock } {
  const [metrics, clock, said] = [new Metrics(), new VirtualClock(), [] as string[]];
  const admitted = new AdmittedUpgrade(info, clock);
  const audit = {
    started: (code: number) => said.push(`started ${code}`),
    end: (code: number, failure?: { reason?: string }) => said.push(`ended ${code} ${failure?.reason ?? ""}`),
  };
  admitted.audited(audit as unknown as AuditRecord);
  admitted.counted(createServerMetrics(metrics).of({ method: "GET", headers: {}, query }, info));
  return { metrics, said, admitted, clock };
}

test("an upgraded connection runs until it is closed, and is audited at both ends", async () => {
  const { metrics, said, admitted, clock } = upgrade();
  admitted.started(101);
  assert.match(metrics.expose(), /apiserver_longrunning_requests\{verb="CONNECT",.*subresource="exec".*\} 1/);
  await clock.advance(3000);
  admitted.ended();
  admitted.ended(new Error("the socket broke after its end"));
  assert.deepEqual(said, ["started 101", "ended 101 "]);
  assert.match(metrics.expose(), /apiserver_longrunning_requests\{.*\} 0/);
  assert.match(metrics.expose(), /apiserver_request_total\{verb="CONNECT",.*code="0"\} 1/);
});

test("a refusal is audited as what it is", () => {
  const { metrics, said, admitted } = upgrade();
  admitted.ended(forbidden("pods", "p", "no"));
  admitted.started(101);
  assert.deepEqual(said, ["ended 403 Forbidden"]);
  assert.match(metrics.expose(), /apiserver_request_total\{verb="CONNECT",.*code="403"\} 1/);
});
