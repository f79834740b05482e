/** A complete server over a memory store, for development and tests: everything switched on that exists. */
import { systemClock } from "../base/clock.ts";
import { createLogger } from "../base/logger.ts";
import { systemRandom } from "../base/random.ts";
import { memoryStore } from "../store/memory.ts";
import { assembleApiServer } from "./assemble.ts";
import { listen } from "./http/listener.ts";

export interface DevOptions {
  port: number;
  cert: string;
  key: string;
  ca: string;
  serviceAccountKey: string;
  /** PEM: what kubelets are shown. Absent: none is reached. */
  kubeletClient?: { cert: string; key: string };
  /** Kinds that are refused as long as nothing of ours enforces them, and are accepted here. */
  enforcedElsewhere?: readonly string[];
  write(line: string): void;
}

export async function startDevServer(options: DevOptions): Promise<AsyncDisposable & { readonly port: number }> {
  const clock = systemClock;
  const logger = createLogger({ name: "apiserver", clock, write: options.write });
  const store = memoryStore({ clock });
  const assembled = await assembleApiServer({
    clock,
    random: systemRandom,
    logger,
    store,
    clientCa: options.ca,
    ...(options.kubeletClient ? { kubelet: { ca: options.ca, ...options.kubeletClient } } : {}),
    serviceAccountKey: options.serviceAccountKey,
    serviceAccountIssuer: "https://kubernetes.default.svc.cluster.local",
    ...(options.enforcedElsewhere ? { enforcedElsewhere: options.enforcedElsewhere } : {}),
    serviceRanges: ["10.96.0.0/16"],
    advertise: { address: "127.0.0.1", port: options.port },
  });
  const tls = { cert: options.cert, key: options.key, clientCa: options.ca };
  const listener = await listen({ handler: assembled.server.handler, upgrades: assembled.upgrades, tls, host: "127.0.0.1", port: options.port, clock, logger });
  return {
    port: listener.port,
    async [Symbol.asyncDispose]() {
      assembled.server.beginShutdown();
      await listener.close(2000);
      await assembled[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}
