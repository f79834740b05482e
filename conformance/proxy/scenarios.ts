/** Services and endpoints whose traffic both proxies must lead to the same end. */

export interface ScenarioEndpoint {
  ip: string;
  /** On the node where the proxy runs. */
  local?: boolean;
  conditions?: { ready: boolean; serving: boolean; terminating: boolean };
  zones?: string[];
  nodes?: string[];
}
export interface Scenario {
  name: string;
  spec: Record<string, unknown>;
  /** status.loadBalancer.ingress */
  ingress?: { ip: string; ipMode?: string }[];
  endpoints: ScenarioEndpoint[];
  protocol?: "UDP";
}

/** Addresses of the namespace that stands for pods: 10.128.0.x are of this node, 10.129.0.x of others. */
export const localPods = ["10.128.0.1", "10.128.0.2", "10.128.0.3"];
export const remotePods = ["10.129.0.1", "10.129.0.2"];
export const zone = "z1";

const here: ScenarioEndpoint = { ip: "10.128.0.2", local: true };
const there: ScenarioEndpoint = { ip: "10.129.0.1" };
const ending = { ready: false, serving: true, terminating: true };
const unready = { ready: false, serving: false, terminating: false };
const nodePort = (port: number): Record<string, unknown> => ({ type: "NodePort", ports: [{ name: "p", port: 80, targetPort: 8080, nodePort: port }] });
const balancer = (port: number, ranges?: string[]): Record<string, unknown> => ({
  ...nodePort(port),
  type: "LoadBalancer",
  ...(ranges ? { loadBalancerSourceRanges: ranges } : {}),
});

export const scenarios: Scenario[] = [
  { name: "cluster address", spec: {}, endpoints: [here] },
  { name: "cluster address, endpoint elsewhere", spec: {}, endpoints: [there] },
  { name: "cluster address, no endpoint", spec: {}, endpoints: [] },
  { name: "cluster address, endpoint not ready", spec: {}, endpoints: [{ ...here, conditions: unready }] },
  { name: "cluster address, endpoint that ends", spec: {}, endpoints: [{ ...here, conditions: ending }] },
  { name: "cluster address, one ready and one that ends", spec: {}, endpoints: [{ ...here, conditions: ending }, there] },
  { name: "UDP", spec: {}, endpoints: [here], protocol: "UDP" },
  { name: "UDP, no endpoint", spec: {}, endpoints: [], protocol: "UDP" },
  { name: "a pod to itself", spec: {}, endpoints: [{ ip: "10.128.0.1", local: true }] },
  { name: "internal policy Local, here", spec: { internalTrafficPolicy: "Local" }, endpoints: [here, there] },
  { name: "internal policy Local, elsewhere", spec: { internalTrafficPolicy: "Local" }, endpoints: [there] },
  { name: "NodePort", spec: nodePort(30100), endpoints: [here] },
  { name: "NodePort, endpoint elsewhere", spec: nodePort(30101), endpoints: [there] },
  { name: "NodePort, no endpoint", spec: nodePort(30102), endpoints: [] },
  { name: "NodePort Local, here", spec: { ...nodePort(30103), externalTrafficPolicy: "Local" }, endpoints: [here, { ip: "10.129.0.2", conditions: unready }] },
  { name: "NodePort Local, elsewhere", spec: { ...nodePort(30104), externalTrafficPolicy: "Local" }, endpoints: [there] },
  { name: "NodePort Local, here one that ends", spec: { ...nodePort(30105), externalTrafficPolicy: "Local" }, endpoints: [{ ...here, conditions: ending }] },
  { name: "external address", spec: { externalIPs: ["192.0.2.10"] }, endpoints: [here] },
  { name: "external address, no endpoint", spec: { externalIPs: ["192.0.2.11"] }, endpoints: [] },
  { name: "balancer", spec: balancer(30110), ingress: [{ ip: "192.0.2.20" }], endpoints: [here] },
  { name: "balancer, sources allowed", spec: balancer(30111, ["192.168.9.0/24"]), ingress: [{ ip: "192.0.2.21" }], endpoints: [here] },
  { name: "balancer, sources not allowed", spec: balancer(30112, ["203.0.113.0/24"]), ingress: [{ ip: "192.0.2.22" }], endpoints: [here] },
  { name: "balancer that proxies", spec: balancer(30113), ingress: [{ ip: "192.0.2.23", ipMode: "Proxy" }], endpoints: [here] },
  { name: "balancer Local, here", spec: { ...balancer(30114), externalTrafficPolicy: "Local" }, ingress: [{ ip: "192.0.2.24" }], endpoints: [here] },
  { name: "balancer Local, elsewhere", spec: { ...balancer(30115), externalTrafficPolicy: "Local" }, ingress: [{ ip: "192.0.2.25" }], endpoints: [there] },
  { name: "session affinity", spec: { sessionAffinity: "ClientIP" }, endpoints: [here] },
  { name: "session affinity at a NodePort", spec: { ...nodePort(30120), sessionAffinity: "ClientIP" }, endpoints: [there] },
  {
    name: "hints for the zone",
    spec: {},
    endpoints: [
      { ...here, zones: [zone] },
      { ...there, zones: ["z2"] },
    ],
  },
  {
    name: "hints for the node",
    spec: {},
    endpoints: [
      { ...here, zones: ["z2"], nodes: ["n1"] },
      { ...there, zones: [zone], nodes: ["n2"] },
    ],
  },
];
