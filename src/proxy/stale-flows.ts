/**
 * Tracked UDP flows that lead to an endpoint which does not serve any more: a client that keeps its source port would be
 * sent there for ever (k8s.io/kubernetes/pkg/proxy/conntrack/cleanup.go). Pure.
 */
import type { ServicePort } from "./service-port.ts";

export interface Flow {
  destination: string;
  destinationPort: number;
  answerer: string;
  answererPort: number;
}

/**
 * Flows to a Service of `ports` (all UDP) that are answered by none of its endpoints, those from before it had any among
 * them. A Service without endpoints keeps its flows: there is nowhere else to go.
 */
export function staleFlows<F extends Flow>(flows: readonly F[], ports: Iterable<ServicePort>): F[] {
  const byAddress = new Map<string, Set<string>>();
  const byNodePort = new Map<number, Set<string>>();
  for (const port of ports) {
    if (port.serving.length === 0) continue;
    const serving = new Set(port.serving.map(({ ip, port: number }) => `${ip} ${number}`));
    for (const ip of [port.clusterIP, ...port.externalIPs, ...port.balancerIPs]) byAddress.set(`${ip} ${port.port}`, serving);
    if (port.nodePort) byNodePort.set(port.nodePort, serving);
  }
  return flows.filter((flow) => {
    const serving = byAddress.get(`${flow.destination} ${flow.destinationPort}`) ?? byNodePort.get(flow.destinationPort);
    return serving !== undefined && !serving.has(`${flow.answerer} ${flow.answererPort}`);
  });
}
