/** The volumes of a kubelet, put together from what it has. */
import type { Node } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import type { Client } from "../../client/client.ts";
import type { Informer } from "../../client/informer.ts";
import { persistentvolumeclaims, persistentvolumes } from "../../client/resources.gen.ts";
import type { KubeletConfig } from "../config.ts";
import type { NodeAgent } from "../node-agent.ts";
import type { PodEvents } from "../pod-events.ts";
import type { NodeView } from "./devices.ts";
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
}

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

export function kubeletVolumes(options: KubeletVolumesOptions): Volumes {
  const { config, client, clock, random, logger, events } = options;
  const { rootDir } = config;
  return new Volumes({
    rootDir,
    clock,
    logger,
    events,
    plugins: volumePlugins({ rootDir, clock, random, events }),
    persistent: {
      claim: (namespace, name) => client.resource(persistentvolumeclaims).get(namespace, name),
      volume: (name) => client.resource(persistentvolumes).get("", name),
    },
    node: nodeView(options),
  });
}
