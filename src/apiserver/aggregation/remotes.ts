/**
 * The APIServices whose requests go to somebody else's server, found by path; and the order in which all of them are shown
 * (k8s.io/kube-aggregator/pkg/apis/apiregistration/v1/helper).
 */
import { compareKubeVersions } from "../../api/discovery/kube-version.ts";
import type { APIService, APIServiceCondition } from "../../api/types/apiregistration-v1.gen.ts";
import type { Reader } from "../../cache/cache.ts";

export const apiServiceResource = "apiservices.apiregistration.k8s.io";

export interface Remote {
  /** Of the APIService: `v1beta1.metrics.k8s.io`. */
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly service: { readonly namespace: string; readonly name: string; readonly port: number };
  /** PEM. */
  readonly ca?: string;
  readonly insecure: boolean;
  readonly available: boolean;
}

export const availabilityOf = ({ status }: APIService): APIServiceCondition | undefined => status?.conditions?.find(({ type }) => type === "Available");

function remoteOf(item: APIService): Remote | undefined {
  const { service, group = "", version = "", caBundle, insecureSkipTLSVerify } = item.spec;
  if (!service) return undefined;
  return {
    name: item.metadata.name,
    group,
    version,
    service: { namespace: service.namespace ?? "", name: service.name ?? "", port: service.port ?? 443 },
    ...(caBundle ? { ca: Buffer.from(caBundle, "base64").toString() } : {}),
    insecure: insecureSkipTLSVerify ?? false,
    available: availabilityOf(item)?.status === "True",
  };
}

export class Remotes {
  readonly #reader: Reader;
  readonly #byVersion = new Map<string, Remote>();

  constructor(reader: Reader) {
    this.#reader = reader;
    for (const { metadata } of reader.list<APIService>(apiServiceResource)) this.#read(metadata.name);
    reader.onChange(apiServiceResource, (_, name) => this.#read(name));
  }

  #read(name: string): void {
    const item = this.#reader.get<APIService>(apiServiceResource, "", name);
    const remote = item && remoteOf(item);
    if (remote) this.#byVersion.set(name, remote);
    else this.#byVersion.delete(name);
  }

  get size(): number {
    return this.#byVersion.size;
  }
  get(name: string): Remote | undefined {
    return this.#byVersion.get(name);
  }
  all(): Iterable<Remote> {
    return this.#byVersion.values();
  }
  /** Whose the path is: `/apis/GROUP/VERSION` and all below it; `/api` for the core group. */
  at(path: string): Remote | undefined {
    if (!this.#byVersion.size) return undefined;
    const parts = path.split("/");
    if (parts[1] === "api") return this.#byVersion.get("v1.");
    if (parts[1] !== "apis" || !parts[2] || !parts[3]) return undefined;
    return this.#byVersion.get(`${parts[3]}.${parts[2]}`);
  }
}

export interface Order {
  /** Both for sort(): what comes first is smaller. */
  groups(a: string, b: string): number;
  versions(group: string, a: string, b: string): number;
}

/** Of everything that has an APIService; what has none comes last. The aggregator's own group is before all others. */
export function orderOf(reader: Reader): Order {
  const groups = new Map<string, number>([["apiregistration.k8s.io", 20_001]]);
  const versions = new Map<string, number>();
  for (const { metadata, spec } of reader.list<APIService>(apiServiceResource)) {
    const group = spec.group ?? "";
    groups.set(group, Math.max(groups.get(group) ?? 0, spec.groupPriorityMinimum));
    versions.set(metadata.name, spec.versionPriority);
  }
  const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return {
    groups: (a, b) => (groups.get(b) ?? 0) - (groups.get(a) ?? 0) || byName(a, b),
    versions: (group, a, b) => (versions.get(`${b}.${group}`) ?? 0) - (versions.get(`${a}.${group}`) ?? 0) || compareKubeVersions(b, a),
  };
}
