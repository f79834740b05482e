/** A complete server over a memory store, for development and tests: everything switched on that exists. */
import { systemClock } from "../base/clock.ts";
import { createLogger } from "../base/logger.ts";
import { Metrics } from "../base/metrics.ts";
import { systemRandom } from "../base/random.ts";
import { openCache } from "../cache/watch-cache.ts";
import { memoryStore } from "../store/memory.ts";
import { AdmissionChain } from "./admission/chain.ts";
import { anonymousAuthenticator } from "./authentication/anonymous.ts";
import { unionAuthenticator } from "./authentication/union.ts";
import { CertificateVerifier, certificateAuthenticator } from "./authentication/x509.ts";
import { privilegedAuthorizer } from "./authorization/union.ts";
import { indexFields, storedResources } from "./endpoints.ts";
import { listen } from "./http/listener.ts";
import { createApiServer } from "./server.ts";

export interface DevOptions {
  port: number;
  cert: string;
  key: string;
  ca: string;
  serviceAccountKey: string;
  write(line: string): void;
}

export async function startDevServer(options: DevOptions): Promise<AsyncDisposable & { readonly port: number }> {
  const clock = systemClock;
  const logger = createLogger({ name: "apiserver", clock, write: options.write });
  const store = memoryStore({ clock });
  const cache = await openCache({ store, clock, resources: storedResources, index: indexFields });
  const chain = new AdmissionChain([]);
  const server = createApiServer({
    clock,
    random: systemRandom,
    logger,
    metrics: new Metrics(),
    cache,
    authenticator: unionAuthenticator([certificateAuthenticator(new CertificateVerifier({ ca: options.ca, clock }))], anonymousAuthenticator()),
    authorizer: privilegedAuthorizer,
    admission: chain,
  });
  const tls = { cert: options.cert, key: options.key, clientCa: options.ca };
  const listener = await listen({ handler: server.handler, tls, host: "127.0.0.1", port: options.port, clock, logger });
  return {
    port: listener.port,
    async [Symbol.asyncDispose]() {
      server.beginShutdown();
      await listener.close(2000);
      await cache[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}
