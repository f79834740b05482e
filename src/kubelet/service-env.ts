/** Variables that tell a container where the services of its namespace are (upstream's pkg/kubelet/envvars). Pure. */
import type { Service } from "../api/types/core-v1.gen.ts";

const variableName = (name: string): string => name.replaceAll("-", "_").toUpperCase();
const hostPort = (host: string, port: number): string => (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`);

/** The services a pod of `namespace` hears of: its own namespace's when `links`, and always `kubernetes` of `default`. */
export function serviceEnv(services: Iterable<Service>, namespace: string, links: boolean): Map<string, string> {
  const chosen = new Map<string, Service>();
  for (const service of services) {
    const ip = service.spec.clusterIP;
    if (!ip || ip === "None") continue;
    const { name } = service.metadata;
    if (service.metadata.namespace === "default" && name === "kubernetes") {
      if (!chosen.has(name)) chosen.set(name, service);
    } else if (service.metadata.namespace === namespace && links) chosen.set(name, service);
  }
  const out = new Map<string, string>();
  for (const service of chosen.values()) addService(out, service);
  return out;
}

function addService(out: Map<string, string>, service: Service): void {
  const ip = service.spec.clusterIP as string;
  const ports = service.spec.ports ?? [];
  const prefix = variableName(service.metadata.name);
  out.set(`${prefix}_SERVICE_HOST`, ip);
  if (ports[0]) out.set(`${prefix}_SERVICE_PORT`, String(ports[0].port));
  for (const port of ports) if (port.name) out.set(`${prefix}_SERVICE_PORT_${variableName(port.name)}`, String(port.port));
  ports.forEach((port, index) => {
    const protocol = (port.protocol || "TCP").toLowerCase();
    const url = `${protocol}://${hostPort(ip, port.port)}`;
    if (index === 0) out.set(`${prefix}_PORT`, url);
    const portPrefix = `${prefix}_PORT_${port.port}_${protocol.toUpperCase()}`;
    out.set(portPrefix, url);
    out.set(`${portPrefix}_PROTO`, protocol);
    out.set(`${portPrefix}_PORT`, String(port.port));
    out.set(`${portPrefix}_ADDR`, ip);
  });
}
