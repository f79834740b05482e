/**
 * Networks of sandboxes that a killed containerd was about to make and knows nothing of: their namespaces stay mounted, and
 * their addresses, links and host ports stay taken. libcni keeps how each was added (containernetworking/cni, libcni/api.go).
 */
import { readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { run } from "../linux/command.ts";
import { unmount } from "../linux/mounts.ts";
import { namesIn } from "./files.ts";

export interface AbandonedNetworksOptions {
  /** containerd's state directory. */
  state: string;
  /** Where the plugins are. */
  bin: string;
  /** @default /var/lib/cni/results */
  results?: string;
}
export interface KnownSandboxes {
  ids: ReadonlySet<string>;
  /** Of their network namespaces. */
  namespaces: ReadonlySet<string>;
  /** Milliseconds since the epoch: what is younger is not judged. */
  since: number;
}

interface Plugin {
  type: string;
  capabilities?: Record<string, boolean>;
}
/** A file of libcni's. */
export interface CachedResult {
  kind: string;
  containerId: string;
  /** Base64 of the network's configuration. */
  config: string;
  ifName: string;
  networkName: string;
  capabilityArgs?: Record<string, unknown>;
  result: { interfaces?: { sandbox?: string }[] };
}

const namespacesOf = (state: string): string => join(state, "io.containerd.grpc.v1.cri", "netns");

/** What the plugins are called with to take it back, in order (CNI specification, section 3, DEL). */
export function removals({ config, containerId, ifName, networkName, capabilityArgs = {}, result }: CachedResult, bin: string) {
  const { cniVersion, plugins } = JSON.parse(Buffer.from(config, "base64").toString()) as { cniVersion: string; plugins: Plugin[] };
  const CNI_NETNS = result.interfaces?.find(({ sandbox }) => sandbox)?.sandbox ?? "";
  const env = { CNI_COMMAND: "DEL", CNI_CONTAINERID: containerId, CNI_NETNS, CNI_IFNAME: ifName, CNI_PATH: bin };
  return plugins.toReversed().map((plugin) => {
    const wanted = Object.entries(capabilityArgs).filter(([name]) => plugin.capabilities?.[name]);
    const runtimeConfig = wanted.length ? { runtimeConfig: Object.fromEntries(wanted) } : {};
    return { program: join(bin, plugin.type), env, input: JSON.stringify({ ...plugin, ...runtimeConfig, cniVersion, name: networkName, prevResult: result }) };
  });
}

/** Whether a file or what is mounted there is older than the moment; false when it is gone. */
const isOlder = (path: string, since: number): boolean => (statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? Number.POSITIVE_INFINITY) < since;

export class AbandonedNetworks {
  readonly #namespaces: string;
  readonly #bin: string;
  readonly #results: string;
  constructor({ state, bin, results }: AbandonedNetworksOptions) {
    this.#namespaces = namespacesOf(state);
    this.#bin = bin;
    this.#results = results ?? "/var/lib/cni/results";
  }

  /** Whether anything is there that is old enough to be judged: then it is worth asking for the sandboxes. */
  present(since: number): boolean {
    return this.#left(since).length > 0 || this.#cached(since).length > 0;
  }

  /** Takes back what belongs to no sandbox. Rejects with CommandError when a plugin refuses; it is tried again the next time. */
  async remove({ ids, namespaces, since }: KnownSandboxes): Promise<void> {
    for (const { file, cached } of this.#cached(since)) {
      if (ids.has(cached.containerId)) continue;
      for (const { program, env, input } of removals(cached, this.#bin)) await run(program, [], { env, input });
      rmSync(file, { force: true });
    }
    for (const point of this.#left(since)) {
      if (namespaces.has(point)) continue;
      unmount(point, true);
      rmSync(point, { force: true });
    }
  }

  #left(since: number): string[] {
    return namesIn(this.#namespaces)
      .map((name) => join(this.#namespaces, name))
      .filter((point) => isOlder(point, since));
  }
  /** Those of this containerd; others of the machine keep theirs beside them. */
  #cached(since: number): { file: string; cached: CachedResult }[] {
    return namesIn(this.#results).flatMap((name) => {
      const file = join(this.#results, name);
      const cached = isOlder(file, since) ? read(file) : undefined;
      const own = cached?.result.interfaces?.some(({ sandbox }) => sandbox?.startsWith(`${this.#namespaces}/`));
      return cached && own ? [{ file, cached }] : [];
    });
  }
}

/** Undefined for what is no result of libcni, or was only half written. */
function read(file: string): CachedResult | undefined {
  try {
    const cached = JSON.parse(readFileSync(file, "utf8")) as CachedResult;
    return cached.kind === "cniCacheV1" ? cached : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
