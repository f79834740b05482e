/**
 * Programs that have a say in decisions, asked over HTTP (k8s.io/kube-scheduler/extender/v1): they refuse nodes, score them,
 * narrow down whom to evict, and bind.
 */
import { readFileSync } from "node:fs";
import { Agent as HttpAgent, request as httpRequest } from "../base/http1.ts";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Node, Pod } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";

/** What extenders refuse is told under this name; any event wakes the pod. */
export const extenderName = "Extender";

export interface ExtenderConfig {
  readonly urlPrefix: string;
  /** Appended to the URL; "" for what the extender does not do. */
  readonly filterVerb: string;
  readonly preemptVerb: string;
  readonly prioritizeVerb: string;
  readonly bindVerb: string;
  /** Of its scores. */
  readonly weight: number;
  readonly tls: {
    readonly enabled: boolean;
    readonly insecure: boolean;
    readonly serverName: string;
    /** PEM, and files with it where that is empty. */
    readonly ca: string;
    readonly caFile: string;
    readonly cert: string;
    readonly certFile: string;
    readonly key: string;
    readonly keyFile: string;
  };
  /** Milliseconds. */
  readonly timeout: number;
  /** It knows the nodes: names are enough. */
  readonly nodeCacheCapable: boolean;
  /** It is asked about pods that want one of them; about all where there are none. */
  readonly managedResources: readonly string[];
  /** When it fails, the decision is made without it. */
  readonly ignorable: boolean;
}

/** Node names; why the others were refused, and whether evictions could change that. */
export interface FilterAnswer {
  readonly nodes: readonly string[];
  readonly refused: readonly { readonly node: string; readonly message: string; readonly resolvable: boolean }[];
}

export interface VictimsOnNode {
  readonly node: string;
  readonly pods: readonly Pod[];
  readonly violations: number;
}

/** Methods are there where the extender does the thing. All reject when it cannot be reached, answers badly or too late. */
export interface Extender {
  readonly name: string;
  readonly ignorable: boolean;
  readonly weight: number;
  isInterested(pod: Pod): boolean;
  filter?(pod: Pod, nodes: readonly Node[], signal: AbortSignal): Promise<FilterAnswer>;
  /** 0 to 10 by node name. */
  prioritize?(pod: Pod, nodes: readonly Node[], signal: AbortSignal): Promise<ReadonlyMap<string, number>>;
  /** Uids of victims by node; nodes that are absent are no choice. */
  preempt?(pod: Pod, choices: readonly VictimsOnNode[], signal: AbortSignal): Promise<ReadonlyMap<string, { uids: readonly string[]; violations: number }>>;
  bind?(pod: Pod, node: string, signal: AbortSignal): Promise<void>;
}

type Json = Record<string, unknown>;

/** Go reads names of fields whatever their case, so extenders write them in any. */
function field(object: unknown, name: string): unknown {
  if (typeof object !== "object" || object === null) return undefined;
  const exact = (object as Json)[name];
  if (exact !== undefined) return exact;
  const key = Object.keys(object).find((other) => other.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : (object as Json)[key];
}

const entries = (value: unknown): [string, unknown][] => Object.entries((value ?? {}) as Json);

function connection({
  tls,
}: ExtenderConfig): (
  url: string,
  options: { method: string; headers: Record<string, string | number>; signal: AbortSignal },
) => ReturnType<typeof httpRequest> {
  if (!tls.enabled) {
    const agent = new HttpAgent({ keepAlive: true });
    return (url, options) => httpRequest(url, { ...options, agent });
  }
  const pem = (text: string, file: string): string | undefined => text || (file ? readFileSync(file, "utf8") : undefined);
  const agent = new HttpsAgent({
    keepAlive: true,
    rejectUnauthorized: !tls.insecure,
    ca: pem(tls.ca, tls.caFile),
    cert: pem(tls.cert, tls.certFile),
    key: pem(tls.key, tls.keyFile),
    ...(tls.serverName ? { servername: tls.serverName } : {}),
  });
  return (url, options) => httpsRequest(url, { ...options, agent });
}

/** Throws when a file of its TLS configuration cannot be read. */
export function createExtender(config: ExtenderConfig, clock: Clock): Extender {
  const open = connection(config);
  const base = config.urlPrefix.replace(/\/+$/, "");

  const send = (verb: string, args: object, signal: AbortSignal): Promise<unknown> => {
    const url = `${base}/${verb}`;
    const body = JSON.stringify(args);
    const limit = new AbortController();
    const timer = clock.after(config.timeout, () => limit.abort(new Error(`Post ${JSON.stringify(url)}: no answer within ${config.timeout / 1000} s`)));
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    return new Promise<unknown>((resolve, reject) => {
      const request = open(url, { method: "POST", headers, signal: AbortSignal.any([signal, limit.signal]) });
      const failed = (error: Error): void => reject(limit.signal.aborted ? (limit.signal.reason as Error) : error);
      request.on("error", failed);
      request.on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("error", failed);
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          if (response.statusCode !== 200) return reject(new Error(`failed ${verb} with extender at URL ${url}, code ${response.statusCode}`));
          try {
            resolve(JSON.parse(Buffer.concat(chunks).toString("utf8")));
          } catch (error) {
            reject(error as Error);
          }
        });
      });
      request.end(body);
    }).finally(() => timer.cancel());
  };

  const nodesArgs = (pod: Pod, nodes: readonly Node[]): object =>
    config.nodeCacheCapable
      ? { Pod: pod, Nodes: null, NodeNames: nodes.map(({ metadata }) => metadata.name) }
      : { Pod: pod, Nodes: { metadata: {}, items: nodes }, NodeNames: null };

  const filter: Extender["filter"] = async (pod, nodes, signal) => {
    const answer = await send(config.filterVerb, nodesArgs(pod, nodes), signal);
    const error = field(answer, "Error");
    if (error) throw new Error(String(error));
    const known = new Set(nodes.map(({ metadata }) => metadata.name));
    const names = field(answer, "NodeNames") as string[] | null | undefined;
    const items = (field(field(answer, "Nodes"), "items") ?? []) as Node[];
    const left = config.nodeCacheCapable && names ? names : items.map(({ metadata }) => metadata.name);
    const stranger = left.find((name) => !known.has(name));
    if (stranger !== undefined)
      throw new Error(
        `extender ${JSON.stringify(config.urlPrefix)} claims a filtered node ${JSON.stringify(stranger)} which is not found in the input node list`,
      );
    const unresolvable = entries(field(answer, "FailedAndUnresolvableNodes"));
    const final = new Set(unresolvable.map(([node]) => node));
    const others = entries(field(answer, "FailedNodes")).filter(([node]) => !final.has(node));
    const refused = (list: [string, unknown][], resolvable: boolean) => list.map(([node, message]) => ({ node, message: String(message), resolvable }));
    return { nodes: left, refused: [...refused(unresolvable, false), ...refused(others, true)] };
  };

  const prioritize: Extender["prioritize"] = async (pod, nodes, signal) => {
    const answer = await send(config.prioritizeVerb, nodesArgs(pod, nodes), signal);
    if (!Array.isArray(answer)) throw new Error(`extender ${JSON.stringify(config.urlPrefix)} gives no list of priorities`);
    return new Map(answer.map((item) => [String(field(item, "Host")), Number(field(item, "Score") ?? 0)]));
  };

  const preempt: Extender["preempt"] = async (pod, choices, signal) => {
    const victims = Object.fromEntries(
      choices.map(({ node, pods, violations }) => [
        node,
        { Pods: config.nodeCacheCapable ? pods.map(({ metadata }) => ({ UID: metadata.uid })) : pods, NumPDBViolations: violations },
      ]),
    );
    const args = config.nodeCacheCapable
      ? { Pod: pod, NodeNameToVictims: null, NodeNameToMetaVictims: victims }
      : { Pod: pod, NodeNameToVictims: victims, NodeNameToMetaVictims: null };
    const answer = await send(config.preemptVerb, args, signal);
    return new Map(
      entries(field(answer, "NodeNameToMetaVictims")).map(([node, chosen]) => [
        node,
        {
          uids: ((field(chosen, "Pods") ?? []) as unknown[]).map((victim) => String(field(victim, "UID"))),
          violations: Number(field(chosen, "NumPDBViolations") ?? 0),
        },
      ]),
    );
  };

  const bind: Extender["bind"] = async ({ metadata: { name, namespace, uid } }, node, signal) => {
    const answer = await send(config.bindVerb, { PodName: name, PodNamespace: namespace, PodUID: uid, Node: node }, signal);
    const error = field(answer, "Error");
    if (error) throw new Error(String(error));
  };

  const managed = new Set(config.managedResources);
  return {
    name: config.urlPrefix,
    ignorable: config.ignorable,
    weight: config.weight,
    isInterested({ spec }) {
      if (!managed.size) return true;
      return [...spec.containers, ...(spec.initContainers ?? [])].some(({ resources }) =>
        [...Object.keys(resources?.requests ?? {}), ...Object.keys(resources?.limits ?? {})].some((name) => managed.has(name)),
      );
    },
    ...(config.filterVerb ? { filter } : {}),
    ...(config.prioritizeVerb ? { prioritize } : {}),
    ...(config.preemptVerb ? { preempt } : {}),
    ...(config.bindVerb ? { bind } : {}),
  };
}
