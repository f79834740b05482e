/**
 * Which kubelet serves a pod's streams and under which path (k8s.io/kubernetes/pkg/registry/core/pod/strategy.go:
 * LogLocation, streamLocation, PortForwardLocation). Pure.
 */
import { queryBool } from "../request-info.ts";
import { badRequest } from "../../api/status.ts";
import type { Node, Pod } from "../../api/types/core-v1.gen.ts";

/** Types of address in the order in which they are tried. */
const addressTypes = ["InternalIP", "InternalDNS", "Hostname", "ExternalIP", "ExternalDNS"];

export interface NodeEndpoint {
  host: string;
  port: number;
}

/** Where the kubelet of a node listens. Throws a StatusError when the node does not say. */
export function kubeletOf(node: Node): NodeEndpoint {
  const addresses = node.status.addresses ?? [];
  const address = addressTypes.flatMap((type) => addresses.filter((a) => a.type === type))[0];
  if (!address) throw badRequest(`no preferred addresses found; known addresses: ${JSON.stringify(addresses)}`);
  return { host: address.address, port: node.status.daemonEndpoints?.kubeletEndpoint?.Port || 10250 };
}

/** The named container, or the only one. Throws a StatusError in upstream's words. */
export function containerOf(pod: Pod, asked: string | null): string {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  const all = [...containers, ...initContainers, ...ephemeralContainers].map((c) => c.name);
  if (asked) {
    if (!all.includes(asked)) throw badRequest(`container ${asked} is not valid for pod ${pod.metadata.name}`);
    return asked;
  }
  if (containers.length === 1) return (containers[0] as { name: string }).name;
  const names = (list: { name: string }[]): string => `[${list.map((c) => c.name).join(" ")}]`;
  let text = `a container name must be specified for pod ${pod.metadata.name}, choose one of: ${names(containers)}`;
  if (initContainers.length) text += ` or one of the init containers: ${names(initContainers)}`;
  if (ephemeralContainers.length) text += ` or one of the ephemeral containers: ${names(ephemeralContainers)}`;
  throw badRequest(text);
}

const encode = (...segments: string[]): string => segments.map((s) => `/${encodeURIComponent(s)}`).join("");

/** Path and query of exec or attach on the kubelet. */
export function streamPath(verb: "exec" | "attach", pod: Pod, query: URLSearchParams): string {
  if (!pod.spec.nodeName) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  const container = containerOf(pod, query.get("container"));
  const out = new URLSearchParams();
  for (const [ours, theirs] of [
    ["stdin", "input"],
    ["stdout", "output"],
    ["stderr", "error"],
    ["tty", "tty"],
  ] as const) {
    if (queryBool(query.get(ours))) out.set(theirs, "1");
  }
  if (verb === "exec") for (const part of query.getAll("command")) out.append("command", part);
  return `${encode(verb, pod.metadata.namespace as string, pod.metadata.name, container)}?${out}`;
}

export function portForwardPath(pod: Pod, query: URLSearchParams): string {
  if (!pod.spec.nodeName) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  const ports = query.getAll("ports").flatMap((p) => p.split(","));
  const out = new URLSearchParams(ports.length ? { port: ports.join(",") } : {});
  return `${encode("portForward", pod.metadata.namespace as string, pod.metadata.name)}?${out}`;
}

const logParameters = ["follow", "previous", "sinceSeconds", "sinceTime", "timestamps", "tailLines", "limitBytes", "stream"];

/** Undefined for a pod that has no node yet: it has logged nothing. */
export function logPath(pod: Pod, query: URLSearchParams): string | undefined {
  const container = containerOf(pod, query.get("container"));
  if (!pod.spec.nodeName) return undefined;
  const out = new URLSearchParams();
  for (const name of logParameters) {
    const value = query.get(name);
    if (value !== null && value !== "") out.set(name, value);
  }
  const text = out.toString();
  return `${encode("containerLogs", pod.metadata.namespace as string, pod.metadata.name, container)}${text ? `?${text}` : ""}`;
}
