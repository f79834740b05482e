/** Ways that lead to no object: what is served, versions, health, keys, and ways that nobody has. */
import type { GenStep, Target } from "./episodes.ts";
import { forms, partials, protobuf, tables } from "./headers.ts";
import { chance, pick } from "./mutate.ts";

const discovery = [
  { accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList" },
  { accept: "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json" },
  { accept: "application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList" },
  { accept: "application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList" },
  { accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList;profile=nopeer" },
];
const somewhere = [
  "/api",
  "/api/",
  "/api/v1",
  "/api/v1/",
  "/api/v2",
  "/apis/nope",
  "/apis/apps/v9",
  "/apis/apps/v1",
  "/apis/apps/",
  "/version",
  "/version/",
  "/healthz",
  "/healthz/ping",
  "/healthz/nope",
  "/livez",
  "/livez/ping",
  "/livez/nope",
  "/readyz/ping",
  "/readyz/",
  "/livez?exclude=nope",
  "/openapi/v3/apis/nope/v1",
  "/openapi/v3/",
  "/openapi",
  "/nope",
  "/logs",
  "/swagger.json",
  "/ui",
  "/api/v1/nope",
  "/apis/apps/v1/nope",
  "/apis/apps/v1/namespaces/default/nope/x",
  "/api/v1/watch/nope",
  "/api/v1/watch",
  "/api/v1/proxy/namespaces/default/pods/x",
  "/api/v1/namespaces/default/pods/x/nope",
  "/.well-known/openid-configuration",
  "/.well-known/nope",
  "/openid/v1/jwks",
  "/metrics/nope",
  "/debug",
  "/apis/metrics.k8s.io/v1beta1/nodes",
];
/** Where servers are, which keys they have and of which build they are. */
const own = [
  "serverAddressByClientCIDRs",
  "issuer",
  "jwks_uri",
  "keys",
  "gitCommit",
  "gitTreeState",
  "buildDate",
  "goVersion",
  "compiler",
  "platform",
  "gitVersion",
];

export function elsewhere(t: Target): GenStep {
  const { random } = t;
  const { group, version } = t.def;
  const served = group ? [`/apis/${group}`, `/apis/${group}/${version}`, `/apis/${group}/${version}/`, `/apis/${group}/v9`] : ["/api/v1"];
  const path = pick(random, [...served, ...served, ...somewhere]);
  const method = chance(random, 0.8) ? "GET" : pick(random, ["HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"] as const);
  const headers = chance(random, 0.5) ? pick(random, [...discovery, tables, partials, protobuf, ...forms]) : undefined;
  return { verb: "elsewhere", method, path, aside: true, hide: own, ...(headers ? { headers } : {}) };
}
