/** Nodes and ranges of addresses. */
import { node, type Scenario } from "./scenario.ts";

const cidr = "networking.k8s.io/v1/ServiceCIDR";

export const nodeNetworks: Scenario = {
  name: "node-networks",
  plainNames: true,
  compared: ["v1/Node"],
  // An allocator that looks at a node again before the cache shows its network takes the next one for it, is refused and
  // gives that back: the one after is handed out first. Upstream's differs from itself by that.
  handedOut: /^10\.244\.\d+\.0\/24$/,
  byChance: /^CIDR(AssignmentFailed|NotAvailable)$/,
  async prepare(kube) {
    // Known before the controllers start: it keeps the first network.
    await kube.create("v1/Node", node("a-first", { spec: { podCIDR: "10.244.0.0/24", podCIDRs: ["10.244.0.0/24"] } }));
  },
  async play(kube) {
    for (const name of ["b", "c", "d"]) {
      await kube.create("v1/Node", node(name));
      await kube.wait("v1/Node", name, "has its network", (one) => one.spec.podCIDR && one.metadata.annotations?.["node.alpha.kubernetes.io/ttl"]);
    }
    await kube.create("v1/Node", node("e"));
    await kube.told("e", "CIDRNotAvailable");
    await kube.remove("v1/Node", "c");
    await kube.wait("v1/Node", "e", "has the network of c", (one) => one.spec.podCIDR, 60);
    await kube.wait("v1/Node", "a-first", "has a time to live", (one) => one.metadata.annotations?.["node.alpha.kubernetes.io/ttl"]);
    await kube.wait("v1/Node", "a-first", "keeps its network", (one) => one.spec.podCIDR === "10.244.0.0/24");
  },
};

export const serviceRanges: Scenario = {
  name: "service-ranges",
  plainNames: true,
  compared: [cidr, "v1/Service"],
  async play(kube) {
    const condition = (one: { status?: { conditions?: { type: string; status: string }[] } } | undefined): string | undefined =>
      one?.status?.conditions?.find(({ type }) => type === "Ready")?.status;
    await kube.create(cidr, { metadata: { name: "extra" }, spec: { cidrs: ["10.200.0.0/24"] } });
    await kube.create(cidr, { metadata: { name: "around" }, spec: { cidrs: ["10.200.0.0/16"] } });
    for (const name of ["extra", "around"]) await kube.wait(cidr, name, "is ready", (one) => condition(one) === "True" && one.metadata.finalizers);
    await kube.create("v1/Service", { metadata: { name: "inside" }, spec: { clusterIP: "10.200.0.7", ports: [{ port: 80 }] } });
    await kube.create("v1/Service", { metadata: { name: "outside" }, spec: { clusterIP: "10.200.9.9", ports: [{ port: 80 }] } });
    await kube.remove(cidr, "extra");
    await kube.wait(cidr, "extra", "is gone", (one) => !one, 40);
    await kube.remove(cidr, "around");
    await kube.wait(cidr, "around", "is still needed", (one) => condition(one) === "False");
    await kube.remove("v1/Service", "inside");
    await kube.create(cidr, { metadata: { name: "other" }, spec: { cidrs: ["10.200.9.0/24"] } });
    await kube.wait(cidr, "around", "is gone", (one) => !one, 40);
  },
};
