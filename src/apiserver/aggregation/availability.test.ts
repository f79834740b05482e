import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../../api/types/core-v1.gen.ts";
import type { EndpointSlice } from "../../api/types/discovery-v1.gen.ts";
import { judge } from "./availability.ts";
import type { Remote } from "./remotes.ts";

const remote: Remote = {
  name: "v1.g",
  group: "g",
  version: "v1",
  service: { namespace: "n", name: "s", port: 443 },
  insecure: false,
  available: false,
};
const service = (spec: object): Service => ({ metadata: { name: "s", namespace: "n" }, spec }) as Service;
const slice = (ready: boolean | undefined, name: string): EndpointSlice =>
  ({ endpoints: [{ addresses: ["10.0.0.1"], conditions: ready === undefined ? {} : { ready } }], ports: [{ name, port: 8443 }] }) as EndpointSlice;
const reason = (of: Service | undefined, slices: EndpointSlice[] = []): string | undefined => judge(remote, of, slices)?.reason;

test("what a Service and its endpoints tell is told in upstream's words, and only what they do not tell is asked", () => {
  const listening = service({ type: "ClusterIP", ports: [{ port: 443, name: "https" }] });
  assert.deepEqual(judge(remote, undefined, []), { status: "False", reason: "ServiceNotFound", message: 'service/s in "n" is not present' });
  assert.equal(reason(service({ ports: [{ port: 80 }] })), "ServicePortError");
  assert.equal(reason(listening), "EndpointsNotFound");
  assert.equal(judge(remote, listening, [slice(false, "https")])?.message, 'endpointslices for service/s in "n" have no addresses with port name "https"');
  assert.equal(reason(listening, [slice(true, "http")]), "MissingEndpoints");
  assert.equal(reason(listening, [slice(true, "https")]), undefined);
  assert.equal(reason(listening, [slice(undefined, "https")]), undefined);
  assert.equal(reason(service({ type: "ExternalName", externalName: "x" })), undefined);
});
