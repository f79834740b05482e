/** The volumes of a kubelet, put together from what it has. */
import type { Node } from "../../api/types/core-v1.gen.ts";
import type { CSIDriver } from "../../api/types/storage-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import type { Client } from "../../client/client.ts";
import type { Informer } from "../../client/informer.ts";
import { persistentvolumeclaims, persistentvolumes, secrets, volumeattachments } from "../../client/resources.gen.ts";
import type { KubeletConfig } from "../config.ts";
import type { NodeAgent } from "../node-agent.ts";
import type { PodEvents } from "../pod-events.ts";
import type { Tokens } from "../tokens.ts";
import type { CsiObjects } from "./csi/context.ts";
import { CsiNode } from "./csi/csi-node.ts";
import { CsiDrivers } from "./csi/drivers.ts";
import { CsiLimits } from "./csi/limits.ts";
import { Expander } from "./expander.ts";
import type { NodeView } from "./devices.ts";
import type { ImageViews } from "./image-views.ts";
import { volumePlugins } from "./plugins.ts";
import { Volumes } from "./volumes.ts";

export interface KubeletVolumesOptions {
  config: KubeletConfig;
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
  events: PodEvents;
  agent: Pick<NodeAgent, "node" | "report">;
  /** This node alone. */
  nodes: Informer<Node>;
  csiDrivers: Informer<CSIDriver>;
  tokens: Tokens;
  /** Every pod is to be looked at again. */
  kickAll(): void;
  signal: AbortSignal;
  imageViews: ImageViews | undefined;
}

/** Milliseconds. */
const firstRetry = 500;
const lastRetry = 30_000;

/** What the informer has heard and what the agent was answered, whichever is newer. */
function nodeView({ config, agent, nodes }: KubeletVolumesOptions): NodeView {
  const waiting = new Set<() => void>();
  nodes.onChange(() => {
    for (const wake of [...waiting]) wake();
  });
  return {
    get() {
      const heard = nodes.get("", config.nodeName);
      const answered = agent.node;
      if (!heard || !answered) return heard ?? answered;
      return BigInt(heard.metadata.resourceVersion) > BigInt(answered.metadata.resourceVersion) ? heard : answered;
    },
    report: () => agent.report(),
    async change(signal) {
      if (signal.aborted) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const wake = (): void => resolve();
      waiting.add(wake);
      signal.addEventListener("abort", wake, { once: true });
      await promise;
      waiting.delete(wake);
      signal.removeEventListener("abort", wake);
    },
  };
}

function csiObjects({ client, csiDrivers, tokens, signal }: KubeletVolumesOptions): CsiObjects {
  return {
    async driver(name) {
      if (!csiDrivers.hasSynced) await csiDrivers.synced(signal);
      return csiDrivers.get("", name);
    },
    attachment: (name) => client.resource(volumeattachments).get("", name),
    secret: (namespace, name) => client.resource(secrets).get(namespace, name),
    token: (pod, request) => tokens.getWithExpiry(pod, request),
  };
}

export interface KubeletVolumes {
  volumes: Volumes;
  /** To be called when the node is registered: makes its CSINode. Never rejects; ends with the signal. */
  announce(): Promise<void>;
  /** For the plugin manager. */
  csiDrivers: CsiDrivers;
}

export function kubeletVolumes(options: KubeletVolumesOptions): KubeletVolumes {
  const { config, client, clock, random, logger, events } = options;
  const { rootDir, nodeName } = config;
  const csiNode = new CsiNode({ client, clock, nodeName });
  const csiDrivers = new CsiDrivers({
    clock,
    logger,
    node: csiNode,
    onRegistered(name) {
      limits.sync(name);
      volumes.retry();
      options.kickAll();
    },
  });
  const limits = new CsiLimits({ clock, drivers: csiDrivers, driver: (name) => options.csiDrivers.get("", name), signal: options.signal });
  options.csiDrivers.onChange((old, object) => limits.sync((object ?? old)?.metadata.name ?? ""));
  const volumes = new Volumes({
    rootDir,
    clock,
    logger,
    events,
    plugins: volumePlugins({ rootDir, nodeName, clock, random, events, drivers: csiDrivers, objects: csiObjects(options), imageViews: options.imageViews }),
    expander: new Expander({
      clock,
      logger,
      events,
      nodeName,
      claims: { patch: (namespace, name, body) => client.resource(persistentvolumeclaims).patch(namespace, name, "merge", body, { subresource: "status" }) },
    }),
    persistent: {
      claim: (namespace, name) => client.resource(persistentvolumeclaims).get(namespace, name),
      volume: (name) => client.resource(persistentvolumes).get("", name),
    },
    node: nodeView(options),
  });
  return { volumes, csiDrivers, announce: () => announce(csiNode, options) };
}

async function announce(node: CsiNode, { clock, logger, signal }: KubeletVolumesOptions): Promise<void> {
  for (let delay = firstRetry; ; delay = Math.min(delay * 2, lastRetry)) {
    try {
      return await node.initialize();
    } catch (error) {
      if (signal.aborted) return;
      logger.warn("the API server does not take the node's CSINode yet", { error });
    }
    await clock.sleep(delay, signal).catch(() => undefined);
    if (signal.aborted) return;
  }
}
