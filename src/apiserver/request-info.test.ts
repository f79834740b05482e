import assert from "node:assert/strict";
import test from "node:test";
import { parseRequestInfo, splitProxied } from "./request-info.ts";

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
    ["PATCH", "/apis/apps/v1/namespaces/a/deployments/d%2Fscale", "resource patch apps/v1 ns=a deployments/scale d"],
    ["GET", "/api/v1/proxy/nodes/a", "resource proxy /v1 ns= nodes/ a"],
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

test("what is behind a proxy begins where the path says so, whatever the namespace and the name are", () => {
  const split = (path: string) => Object.values(splitProxied(path, parseRequestInfo("GET", path, new URLSearchParams()).parts));
  assert.deepEqual(split("/api/v1/namespaces/n/pods/p:80/proxy/a/b"), ["/a/b", "/api/v1/namespaces/n/pods/p:80/proxy"]);
  assert.deepEqual(split("/api/v1/namespaces/pods/pods/proxy/proxy/pods/x/"), ["/pods/x/", "/api/v1/namespaces/pods/pods/proxy/proxy"]);
  assert.deepEqual(split("/api/v1/namespaces/services/services/s/proxy/"), ["/", "/api/v1/namespaces/services/services/s/proxy"]);
  assert.deepEqual(split("/api/v1/namespaces/n/services/https%3As%3A/proxy"), ["", "/api/v1/namespaces/n/services/https%3As%3A/proxy"]);
  assert.deepEqual(split("/api/v1/nodes/n/proxy/metrics"), ["/metrics", "/api/v1/nodes/n/proxy"]);
  assert.deepEqual(split("//api/v1/nodes/nodes/proxy//x"), ["//x", "//api/v1/nodes/nodes/proxy"]);
});

test("an object that is selected by name among other things is named", () => {
  const named = (selector: string): string => parseRequestInfo("GET", "/api/v1/pods", new URLSearchParams({ fieldSelector: selector })).name;
  assert.equal(named("metadata.name=p,spec.nodeName=n"), "p");
  assert.equal(named("spec.nodeName!=n,metadata.name==p"), "p");
  assert.equal(named("metadata.name=a\\,b"), "a,b");
  for (const none of ["metadata.name!=p", "metadata.name", "metadata.name=a/b", "metadata.name=a\\x", "spec.nodeName=metadata.name"])
    assert.equal(named(none), "");
});

test("options that cannot be read name no object", () => {
  const named = (query: string): string => parseRequestInfo("GET", "/api/v1/namespaces/d/pods", new URLSearchParams(query)).name;
  assert.equal(named("fieldSelector=metadata.name%3Dp&limit=1"), "p");
  assert.equal(named("fieldSelector=metadata.name%3Dp&limit=x"), "");
  assert.equal(named("fieldSelector=metadata.name%3Dp&labelSelector=a+in"), "");
});
