import assert from "node:assert/strict";
import test from "node:test";
import { parseRequestInfo } from "./request-info.ts";

const info = (method: string, target: string) => {
  const [path = "", query = ""] = target.split("?");
  const { verb, isResource, group, version, namespace, resource, subresource, name } = parseRequestInfo(method, path, new URLSearchParams(query));
  return `${isResource ? "resource" : "path"} ${verb} ${group}/${version} ns=${namespace} ${resource}/${subresource} ${name}`.trim();
};

test("paths become verbs and resources as upstream reads them", () => {
  const cases: [string, string, string][] = [
    ["GET", "/api/v1/namespaces/a/pods", "resource list /v1 ns=a pods/"],
    ["GET", "/api/v1/namespaces/a/pods?watch=true", "resource watch /v1 ns=a pods/"],
    ["GET", "/api/v1/namespaces/a/pods?watch=0", "resource list /v1 ns=a pods/"],
    ["GET", "/api/v1/namespaces/a/pods/b", "resource get /v1 ns=a pods/ b"],
    ["GET", "/api/v1/namespaces/a/pods/b/log", "resource get /v1 ns=a pods/log b"],
    ["PUT", "/api/v1/namespaces/a", "resource update /v1 ns=a namespaces/ a"],
    ["PUT", "/api/v1/namespaces/a/finalize", "resource update /v1 ns=a namespaces/finalize a"],
    ["DELETE", "/apis/apps/v1/namespaces/a/deployments", "resource deletecollection apps/v1 ns=a deployments/"],
    ["PATCH", "/apis/apps/v1/namespaces/a/deployments/d/scale", "resource patch apps/v1 ns=a deployments/scale d"],
    ["GET", "/api/v1/nodes?fieldSelector=metadata.name%3Dn1", "resource list /v1 ns= nodes/ n1"],
    ["GET", "/api/v1/watch/pods", "resource watch /v1 ns= pods/"],
    ["GET", "/api/v1/watch/pods?fieldSelector=metadata.name%3Dp", "resource watch /v1 ns= pods/"],
    ["GET", "/api/v1/pods?watch=1&fieldSelector=metadata.name%3Dp", "resource watch /v1 ns= pods/ p"],
    ["GET", "/apis/apps", "path get / ns= /"],
    ["POST", "/healthz", "path post / ns= /"],
    ["constructor", "/healthz", "path constructor / ns= /"],
    ["constructor", "/api/v1/pods", "resource  /v1 ns= pods/"],
  ];
  for (const [method, target, expected] of cases) assert.equal(info(method, target), expected, `${method} ${target}`);
});

test("an escape that is none is the client's mistake", () => {
  assert.throws(() => info("GET", "/api/v1/namespaces/%zz/pods"), { name: "StatusError" });
});

test("options that cannot be read name no object", () => {
  const named = (query: string): string => parseRequestInfo("GET", "/api/v1/namespaces/d/pods", new URLSearchParams(query)).name;
  assert.equal(named("fieldSelector=metadata.name%3Dp&limit=1"), "p");
  assert.equal(named("fieldSelector=metadata.name%3Dp&limit=x"), "");
  assert.equal(named("fieldSelector=metadata.name%3Dp&labelSelector=a+in"), "");
});
