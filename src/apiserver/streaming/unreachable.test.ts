import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import type { ApiRequest, ApiResponse } from "../../api/exchange.ts";
import { forbidden } from "../../api/status.ts";
import type { Upgrade } from "../http/listener.ts";
import type { RequestInfo } from "../request-info.ts";
import type { Call } from "../rest/call.ts";
import type { Admitted } from "./connectable.ts";
import { unreachable } from "./unreachable.ts";

const info = (resource: string, subresource: string, group = ""): Admitted => ({
  info: { group, resource, subresource, name: "x" } as RequestInfo,
  started: () => assert.fail("nothing was upgraded"),
  ended: () => {},
});

test("logs and proxies are refused where no kubelet is reached", async () => {
  const handlers = unreachable.handlers();
  assert.deepEqual(Object.keys(handlers).sort(), ["nodes/proxy", "pods/attach", "pods/exec", "pods/log", "pods/portforward", "pods/proxy", "services/proxy"]);
  await assert.rejects(handlers["pods/log"]?.(info("pods", "log") as unknown as Call) ?? Promise.resolve(), {
    code: 503,
    reason: "ServiceUnavailable",
    message: 'pods/log of "x" needs a container that runs, and this API server reaches no kubelet',
  });
});

async function answered(admit: () => Promise<Admitted>): Promise<ApiResponse | undefined> {
  const request = { headers: {}, query: new URLSearchParams() } as unknown as ApiRequest;
  return unreachable.upgradeHandler(admit)(request, { socket: new PassThrough(), request: {}, head: Buffer.alloc(0) } as unknown as Upgrade);
}

test("an upgrade is answered with the refusal, and with another one's refusal before that", async () => {
  const refusal = await answered(async () => info("pods", "exec"));
  assert.equal(refusal?.status, 503);
  assert.match(Buffer.from(refusal?.body as Uint8Array).toString(), /"message":"pods\/exec of \\"x\\" needs a container/);
  assert.equal((await answered(() => Promise.reject(forbidden("pods", "x", "no"))))?.status, 403);
});
