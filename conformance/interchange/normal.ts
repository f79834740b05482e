/**
 * An end state without what chance decides in it (uids, generated names, times, addresses, nodes, keys), so that
 * those of different API servers and controllers can be held against each other.
 */
import type { KubeObject } from "../../src/api/object.ts";
import { controllerOf } from "../../src/api/meta/owner.ts";
import { changedPaths, isOfTheMinute, type Snapshot } from "./observe.ts";

/** By kind and name; objects whose names chance made share one. */
export type NormalState = ReadonlyMap<string, readonly unknown[]>;

/** Made by the API servers themselves, and judged by other means. */
const ofServer = /^(flowschemas|prioritylevelconfigurations|apiservices|priorityclasses|ipaddresses|servicecidrs|nodes)\./;
/** What else has no place in an end state: tokens of controllers, the list of identities. */
const left = (key: string, object: KubeObject): boolean =>
  isOfTheMinute(object) ||
  ofServer.test(key) ||
  object.metadata.labels?.["kubernetes.io/bootstrapping"] !== undefined ||
  / default\/kubernetes/.test(key) ||
  /^(serviceaccounts|roles|rolebindings|configmaps)\.\S* kube-system\//.test(key) ||
  /^clusterrole(binding)?s\.\S* \/(system:|k8ts)/.test(key);

export function normalState(snapshot: Snapshot): NormalState {
  const byUid = new Map([...snapshot.values()].map((object) => [object.metadata.uid, object]));
  const names = new Map<string, string>();
  const nameOf = (object: KubeObject): string => {
    const ref = controllerOf(object);
    const owner = ref && byUid.get(ref.uid);
    // ReplicaSets, revisions and pods of StatefulSets are named by what they hold.
    const generated = (object.metadata.generateName || object.kind === "EndpointSlice") && ref?.kind !== "StatefulSet";
    return owner && generated ? `${nameOf(owner)}-some` : object.metadata.name;
  };
  for (const object of snapshot.values()) {
    const normal = nameOf(object);
    names.set(object.metadata.uid, `uid of ${normal}`);
    if (normal !== object.metadata.name) names.set(object.metadata.name, normal);
  }
  const pattern = new RegExp(
    [...names.keys()]
      .sort((a, b) => b.length - a.length)
      .map((name) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      .join("|"),
    "g",
  );
  const state = new Map<string, unknown[]>();
  for (const [key, object] of snapshot) {
    if (left(key, object)) continue;
    const kind = key.slice(0, key.indexOf(" "));
    const place = `${kind} ${object.metadata.namespace ?? ""}/${nameOf(object).replace(volume, "a disk")}`;
    const same = state.get(place) ?? [];
    const named = (text: string): string => text.replaceAll(pattern, (found) => names.get(found) ?? found);
    same.push(normal(rewritten.has(object.kind ?? "") ? withoutGenerations(object) : object, named));
    state.set(place, same);
  }
  for (const same of state.values()) same.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return state;
}

/** Written in as many steps as it happens to take. */
const rewritten = new Set(["ReplicaSet", "EndpointSlice"]);
const withoutGenerations = (object: KubeObject): object => {
  const { generation: _, ...metadata } = object.metadata;
  const { status, ...rest } = object as KubeObject & { status?: { observedGeneration?: number } };
  return { ...rest, metadata, ...(status ? { status: { ...status, observedGeneration: undefined } } : {}) };
};

const dropped = new Set([
  "resourceVersion",
  "managedFields",
  "creationTimestamp",
  "selfLink",
  "authentication.kubernetes.io/credential-id",
  "endpoints.kubernetes.io/last-change-trigger-time",
]);
const onlyDropped = (annotations: object): boolean => Object.keys(annotations).every((name) => dropped.has(name));
/** Their order says nothing. */
const unordered = new Set(["conditions", "endpoints", "addresses", "notReadyAddresses", "ownerReferences"]);
const time = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;
const uid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const volume = /\bdisk-\d\b/g;
const address = /\b10\.\d+\.\d+\.\d+\b/g;

function normal(value: unknown, named: (text: string) => string, key = ""): unknown {
  if (typeof value === "string") return normalText(value, named, key);
  if (typeof value !== "object" || value === null) return key === "nodePort" ? "port" : value;
  if (Array.isArray(value)) {
    const items = value.map((item) => normal(item, named, key));
    return unordered.has(key) ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  const members = Object.entries(value).filter(([name, member]) => !dropped.has(name) && !(name === "annotations" && onlyDropped(member)));
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [named(name), normal(member, named, name)]));
}

function normalText(text: string, named: (text: string) => string, key: string): string {
  if (key === "nodeName" || key === "kubernetes.io/hostname") return "a node";
  if (/^(certificate|request|token|ca\.crt|jws-kubeconfig-.*)$/.test(key)) return "of this world";
  return named(text)
    .replaceAll(time, "time")
    .replaceAll(address, "address")
    .replaceAll(volume, "a disk")
    .replaceAll(/\bnode-\d\b/g, "a node")
    .replace(/^ReplicaSet "[^"]+" has successfully progressed\.$/, "its ReplicaSet has successfully progressed.")
    .replaceAll(/\bkube-api-access-\w{5}\b/g, "kube-api-access")
    .replaceAll(/(?<=pods ".*-)\w{5}(?=" is forbidden)/g, "some")
    .replaceAll(uid, "a uid");
}

/** A line for each difference of `found` from `wanted`. */
export function stateDifferences(wanted: NormalState, found: NormalState): string[] {
  const lines: string[] = [];
  for (const key of new Set([...wanted.keys(), ...found.keys()])) {
    const [a, b] = [wanted.get(key) ?? [], found.get(key) ?? []];
    if (a.length !== b.length) lines.push(`${key}: ${a.length} -> ${b.length}`);
    else for (const [i, one] of a.entries()) for (const path of changedPaths(one, b[i])) lines.push(`${key}${path.slice(0, 400)}`);
  }
  return [...new Set(lines)];
}
