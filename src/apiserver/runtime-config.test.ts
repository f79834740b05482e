import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type ResourceDef, resources } from "../api/schema/schema.ts";
import { type Answer, TestServer } from "./assembled.fixture.ts";
import { parseRuntimeConfig, servedResources, withoutFlowControl } from "./runtime-config.ts";

const off = (_gate: string): boolean => false;
const served = (text: string, isOn = off): readonly ResourceDef[] => servedResources(parseRuntimeConfig(text), isOn);
const names = (list: readonly ResourceDef[], group: string): string[] =>
  list.filter((def) => def.group === group).map((def) => `${def.version}/${def.resource}`);
const problem = (text: string): string => {
  try {
    served(text);
  } catch (error) {
    return (error as Error).message;
  }
  return "";
};

test("nothing asked for is the default, and so is what is there anyway", () => {
  assert.equal(served(""), resources);
  assert.equal(served("apps/v1=true,api/ga=true,api/legacy=true,v1"), resources);
});

test("resources are stronger than versions, and these than levels, in whatever order they stand", () => {
  assert.deepEqual(names(served("networking.k8s.io/v1beta1/ipaddresses=false,networking.k8s.io/v1beta1=true"), "networking.k8s.io").slice(-2), [
    "v1/servicecidrs",
    "v1beta1/servicecidrs",
  ]);
  assert.deepEqual(names(served("apps/v1/deployments=true,apps/v1=false"), "apps"), ["v1/deployments"]);
  assert.deepEqual(names(served("storage.k8s.io/v1beta1=true,api/all=false"), "storage.k8s.io"), ["v1beta1/volumeattributesclasses"]);
  assert.deepEqual(names(served("v1/configmaps=false"), ""), []);
});

test("what stands behind a feature is served only where that is on", () => {
  assert.deepEqual(names(served("certificates.k8s.io/v1beta1=true"), "certificates.k8s.io"), ["v1/certificatesigningrequests"]);
  assert.deepEqual(
    names(
      served("certificates.k8s.io/v1beta1=true", (gate) => gate === "ClusterTrustBundle"),
      "certificates.k8s.io",
    ),
    ["v1/certificatesigningrequests", "v1beta1/clustertrustbundles"],
  );
});

test("what upstream refuses is refused in its words", () => {
  for (const [text, told] of [
    ["api/all=maybe", "invalid value api/all=maybe"],
    ["api/beta", "invalid value api/beta="],
    ["api/all=false", "invalid runtime-config with only api/all=false"],
    ["foo.io/v1=true,bar/v2/x=true", "unknown api groups bar/v2,foo.io/v1"],
    ["meta.k8s.io/v1=true", "unknown api groups meta.k8s.io/v1"],
    ["apps/v9=true", "group version apps/v9 that has not been registered"],
    ["apps/v1=maybe", 'invalid value of apps/v1: maybe, err: strconv.ParseBool: parsing "maybe": invalid syntax'],
    ["apps/v1/Deployments=false", 'invalid key apps/v1/Deployments: group/version/resource and resource is always lowercase plural, not "Deployments"'],
    ["apps=true", "runtime-config invalid key apps"],
    ["a/b/c/d=true", "runtime-config invalid key a/b/c/d"],
  ] as const)
    assert.equal(problem(text), told, text);
  assert.equal(
    withoutFlowControl(parseRuntimeConfig("api/all=false,apps/v1=true")),
    "--runtime-config=api/all=false conflicts with --enable-priority-and-fairness=true",
  );
});

test("what is not implemented is refused by name, with what leaves it out", () => {
  assert.match(
    problem("api/alpha=true"),
    /^k8ts does not implement resource.k8s.io\/v1alpha3 devicetaintrules .*: add resource.k8s.io\/v1alpha3\/devicetaintrules=false,/,
  );
  assert.equal(problem("resource.k8s.io/v1beta2=true,resource.k8s.io/v1beta2/devicetaintrules=false"), "");
});

const firstDevice = ({ spec }: Answer): unknown => (spec as { devices: unknown[] }).devices[0];
const config = "networking.k8s.io/v1beta1=true,resource.k8s.io/v1beta1=true,batch/v1/cronjobs=false,autoscaling/v1=false,node.k8s.io/v1=false";
const server = new TestServer({ resources: served(config) });
after(() => server[Symbol.asyncDispose]());

test("clients see what is served: discovery, OpenAPI, APIServices, paths", async () => {
  await server.start();
  const groups = JSON.stringify(await server.answer("GET", "/apis"));
  assert.match(groups, /networking.k8s.io\/v1beta1/);
  assert.doesNotMatch(groups, /node.k8s.io|autoscaling\/v1"/);
  const batch = (await server.answer("GET", "/apis/batch/v1")) as unknown as { resources: { name: string }[] };
  assert.deepEqual(
    batch.resources.map(({ name }) => name),
    ["jobs", "jobs/status"],
  );
  assert.equal((await server.answer("GET", "/apis/batch/v1/cronjobs")).http, 404);
  assert.equal((await server.answer("GET", "/apis/node.k8s.io/v1/runtimeclasses")).http, 404);
  const services = await server.answer("GET", "/apis/apiregistration.k8s.io/v1/apiservices");
  const known = services.items?.map(({ metadata }) => metadata.name) ?? [];
  assert.ok(known.includes("v1beta1.networking.k8s.io") && !known.includes("v1.node.k8s.io"), String(known));
  const index = JSON.stringify(await server.answer("GET", "/openapi/v3"));
  assert.match(index, /apis\/networking.k8s.io\/v1beta1\?/);
  assert.doesNotMatch(index, /apis\/node.k8s.io/);
  const swagger = JSON.stringify(await server.answer("GET", "/openapi/v2"));
  assert.match(swagger, /io.k8s.api.networking.v1beta1.IPAddress/);
  // Who deletes a claim is shown it, in this version too.
  assert.match(swagger, /"operationId":"deleteResourceV1beta1NamespacedResourceClaim".{0,900}?#\/definitions\/io.k8s.api.resource.v1beta1.ResourceClaim"/);
  assert.doesNotMatch(swagger, /\/apis\/batch\/v1\/cronjobs/);
});

test("versions are the same objects under other names, and say that they are old", async () => {
  const at = "/apis/networking.k8s.io/v1beta1/servicecidrs";
  const made = await server.answer("POST", at, { metadata: { name: "more" }, spec: { cidrs: ["10.9.0.0/24"] } });
  assert.deepEqual([made.http, made.apiVersion], [201, "networking.k8s.io/v1beta1"]);
  assert.deepEqual(made.warnings, ["networking.k8s.io/v1beta1 ServiceCIDR is deprecated in v1.34+, unavailable in v1.37+"]);
  const read = await server.answer("GET", "/apis/networking.k8s.io/v1/servicecidrs/more");
  assert.deepEqual([read.apiVersion, read.metadata.uid], ["networking.k8s.io/v1", made.metadata.uid]);
  const [, event] = await server.watched(`${at}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`, 2);
  assert.equal(event?.object.apiVersion, "networking.k8s.io/v1beta1");
});

test("claims and slices of resource.k8s.io/v1beta1 have their own shape", async () => {
  const claims = (version: string): string => `/apis/resource.k8s.io/${version}/namespaces/default/resourceclaims`;
  const request = { name: "r", deviceClassName: "gpu", tolerations: [{ key: "k", value: "v" }] };
  const made = await server.answer("POST", claims("v1beta1"), { metadata: { name: "c" }, spec: { devices: { requests: [request] } } });
  const own = { ...request, allocationMode: "ExactCount", count: 1, tolerations: [{ key: "k", operator: "Equal", value: "v" }] };
  assert.deepEqual([made.http, made.spec], [201, { devices: { requests: [own] } }]);
  const { name, ...exactly } = own;
  const read = await server.answer("GET", `${claims("v1")}/c`);
  assert.deepEqual(read.spec, { devices: { requests: [{ name, exactly }] } });
  const slices = (version: string): string => `/apis/resource.k8s.io/${version}/resourceslices`;
  const device = { name: "d", basic: { attributes: { "example.com/x": { int: 3 } }, capacity: {} } };
  const pool = { name: "p", generation: 1, resourceSliceCount: 1 };
  const slice = await server.answer("POST", slices("v1beta1"), {
    metadata: { name: "s" },
    spec: { driver: "d.example.com", nodeName: "n", pool, devices: [device] },
  });
  assert.deepEqual([slice.http, firstDevice(slice)], [201, { name: "d", basic: { attributes: { "example.com/x": { int: 3 } } } }]);
  const stored = await server.answer("GET", `${slices("v1")}/s`);
  assert.deepEqual(firstDevice(stored), { name: "d", attributes: { "example.com/x": { int: 3 } } });
});
