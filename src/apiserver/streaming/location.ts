/**
 * Which kubelet serves a pod's streams and under which path (k8s.io/kubernetes/pkg/registry/core/pod/strategy.go:
 * LogLocation, streamLocation, PortForwardLocation). Pure.
 */
import { queryBool } from "../request-info.ts";
import { parseInteger } from "../rest/options.ts";
import { type FieldError, forbiddenField, invalidValue, path } from "../../api/field.ts";
import { goQuote } from "../../api/go-quote.ts";
import { badRequest, invalid, StatusError } from "../../api/status.ts";
import { parseInstant, TimeError } from "../../api/time.ts";
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
  if (!address) throw new StatusError({ code: 500, message: `no preferred addresses found; known addresses: ${JSON.stringify(addresses)}` });
  return { host: address.address, port: node.status.daemonEndpoints?.kubeletEndpoint?.Port || 10250 };
}

/** The named container, or the only one. Throws a StatusError in upstream's words. */
export function containerOf(pod: Pod, asked: string | null): string {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  const all = [...initContainers, ...containers, ...ephemeralContainers].map((c) => c.name);
  if (asked) {
    if (!all.includes(asked)) throw badRequest(`container ${asked} is not valid for pod ${pod.metadata.name}`);
    return asked;
  }
  if (containers.length === 1) return (containers[0] as { name: string }).name;
  throw badRequest(`a container name must be specified for pod ${pod.metadata.name}, choose one of: [${all.join(" ")}]`);
}

const encode = (...segments: string[]): string => segments.map((s) => `/${encodeURIComponent(s)}`).join("");

/** Path and query of exec or attach on the kubelet. */
export function streamPath(verb: "exec" | "attach", pod: Pod, query: URLSearchParams): string {
  const container = containerOf(pod, query.get("container"));
  if (!pod.spec.nodeName) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
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

/** Throws 400 for ports that are no numbers of 16 bits. */
export function checkPorts(query: URLSearchParams): void {
  for (const text of query.getAll("ports").flatMap((p) => p.split(","))) {
    const why = !/^\d+$/.test(text) ? "invalid syntax" : Number(text) > 65_535 ? "value out of range" : undefined;
    if (why) throw badRequest(`cannot convert to []int32: strconv.ParseUint: parsing ${goQuote(text)}: ${why}`);
  }
}

export function portForwardPath(pod: Pod, query: URLSearchParams): string {
  if (!pod.spec.nodeName) throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  const ports = query.getAll("ports").flatMap((p) => p.split(","));
  const out = new URLSearchParams(ports.length ? { port: ports.join(",") } : {});
  return `${encode("portForward", pod.metadata.namespace as string, pod.metadata.name)}?${out}`;
}

const logParameters = ["follow", "previous", "sinceSeconds", "sinceTime", "timestamps", "tailLines", "limitBytes"];

function integerOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  return text === null ? undefined : parseInteger(text);
}

function checkTime(text: string): void {
  try {
    parseInstant(text, false);
  } catch (error) {
    throw error instanceof TimeError ? badRequest(error.message) : error;
  }
}

/** Throws 400 for options that cannot be read and 422 for those that mean nothing. */
export function checkLogOptions(name: string, query: URLSearchParams): void {
  const seconds = integerOf(query, "sinceSeconds");
  const time = query.get("sinceTime");
  if (time && time !== "null") checkTime(time);
  const [tail, bytes] = ["tailLines", "limitBytes"].map((option) => integerOf(query, option));
  const errors: FieldError[] = [];
  const positive = "must be greater than 0";
  if (tail !== undefined && tail < 0) errors.push(invalidValue(path("tailLines"), tail, "must be greater than or equal to 0"));
  if (bytes !== undefined && bytes < 1) errors.push(invalidValue(path("limitBytes"), bytes, positive));
  if (seconds !== undefined && time) errors.push(forbiddenField(path("[]"), "at most one of `sinceTime` or `sinceSeconds` may be specified"));
  else if (seconds !== undefined && seconds < 1) errors.push(invalidValue(path("sinceSeconds"), seconds, positive));
  if (query.get("stream")) errors.push(forbiddenField(path("stream"), "may not be specified"));
  if (errors.length) throw invalid("PodLogOptions", name, errors);
}

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
