import assert from "node:assert/strict";
import { test } from "node:test";
import type { Call } from "./rest/call.ts";
import { parseRequestInfo } from "./request-info.ts";
import { exists, leavesHttp, route } from "./router.ts";

const call = (method: string, path: string): Call =>
  ({
    request: { method, headers: {}, query: new URLSearchParams() },
    info: parseRequestInfo(method, path, new URLSearchParams()),
    endpoint: {
      groupResource: "pods",
      apiVersion: "v1",
      registry: {},
      def: {
        group: "",
        resource: "pods",
        kind: "Pod",
        namespaced: true,
        verbs: ["get"],
        subresources: [{ name: "proxy", verbs: ["create", "delete", "get", "patch", "update"] }],
      },
    },
  }) as unknown as Call;
const proxied = { "pods/proxy": async () => ({ status: 200, headers: {} }) };

test("every method reaches what stands behind a proxy, and OPTIONS and HEAD nothing else", async () => {
  for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    assert.equal((await route(call(method, "/api/v1/namespaces/n/pods/p/proxy/x"), proxied)).status, 200, method);
  for (const method of ["HEAD", "OPTIONS"])
    await assert.rejects(async () => route(call(method, "/api/v1/namespaces/n/pods/p"), proxied), { code: 405 }, method);
});

test("only what stands behind a connector may leave HTTP, by a name and a method that it has", () => {
  const connected = (method: string, path: string): boolean => leavesHttp(call(method, path), proxied);
  assert.equal(connected("GET", "/api/v1/namespaces/n/pods/p/proxy/x"), true);
  assert.equal(connected("OPTIONS", "/api/v1/namespaces/n/pods/p/proxy/x"), false);
  assert.equal(connected("GET", "/api/v1/namespaces/n/pods//proxy"), false);
  assert.equal(connected("GET", "/api/v1/namespaces/n/pods/p/status"), false);
  assert.equal(connected("GET", "/api/v1/namespaces/n/pods/p"), false);
});

test("the old way of watches leads by GET to what can be watched, and to none of its parts", async () => {
  const old = (method: string, path: string, verbs: string[]): Call => {
    const asked = call(method, `/api/v1/watch/namespaces/n/${path}`);
    return { ...asked, endpoint: { ...asked.endpoint, def: { ...asked.endpoint.def, verbs } } };
  };
  const leads = ({ endpoint, info }: Call): boolean => exists(endpoint, info);
  assert.equal(leads(old("GET", "pods", ["list", "watch"])), true);
  assert.equal(leads(old("GET", "pods", ["list"])), false);
  assert.equal(leads(old("GET", "pods/p/proxy", ["list", "watch"])), false);
  await assert.rejects(async () => route(old("POST", "pods", ["list", "watch"]), {}), { code: 405 });
});

test("the status of a claim of devices has no table", async () => {
  const asked = call("GET", "/apis/resource.k8s.io/v1/namespaces/n/resourceclaims/c/status");
  const def = {
    ...asked.endpoint.def,
    group: "resource.k8s.io",
    resource: "resourceclaims",
    kind: "ResourceClaim",
    subresources: [{ name: "status", verbs: ["get"] }],
  };
  const endpoint = { ...asked.endpoint, groupResource: "resourceclaims.resource.k8s.io", apiVersion: "resource.k8s.io/v1", def };
  const request = { ...asked.request, headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } };
  await assert.rejects(async () => route({ ...asked, endpoint, request } as unknown as Call, {}), { message: /^only the following media types are accepted/ });
});
