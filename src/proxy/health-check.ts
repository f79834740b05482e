/**
 * Health-check node ports: for each Service of type LoadBalancer with externalTrafficPolicy Local a port on which balancers
 * ask whether this node has endpoints of it (KEP-1669; k8s.io/kubernetes/pkg/proxy/healthcheck/service_health.go).
 */
import { listening } from "../base/listening.ts";
import type { Server } from "node:http";
import { createServer } from "../base/http1.ts";
import type { Logger } from "../base/logger.ts";

export interface HealthChecksOptions {
  /** Addresses that are listened on. */
  addresses(): readonly string[];
  /** The proxy itself is well. */
  healthy(): boolean;
  /** A port cannot be listened on. */
  failed(service: string, port: number, error: Error): void;
  logger: Logger;
}

interface Open {
  port: number;
  servers: Server[];
}

export class HealthChecks implements AsyncDisposable {
  readonly #options: HealthChecksOptions;
  readonly #open = new Map<string, Open>();
  readonly #endpoints = new Map<string, number>();

  constructor(options: HealthChecksOptions) {
    this.#options = options;
  }

  /** The Service's (`namespace/name`) port, 0 for none any more, and how many ready endpoints this node has of it. */
  async set(service: string, port: number, endpoints: number): Promise<void> {
    if (port) this.#endpoints.set(service, endpoints);
    else this.#endpoints.delete(service);
    const open = this.#open.get(service);
    if ((open?.port ?? 0) === port) return;
    if (open) {
      this.#open.delete(service);
      await closeAll(open.servers);
    }
    if (port) await this.#listen(service, port);
  }

  async #listen(service: string, port: number): Promise<void> {
    const servers: Server[] = [];
    try {
      for (const address of this.#options.addresses()) servers.push(await this.#serve(service, port, address));
      this.#open.set(service, { port, servers });
    } catch (error) {
      await closeAll(servers);
      this.#options.logger.error("a health check port cannot be listened on", { service, port, error });
      this.#options.failed(service, port, error as Error);
    }
  }

  async #serve(service: string, port: number, host: string): Promise<Server> {
    const server = createServer((_, response) => {
      const { status, weight, body } = this.answer(service);
      response.writeHead(status, {
        "Content-Type": "application/json",
        "X-Content-Type-Options": "nosniff",
        "X-Load-Balancing-Endpoint-Weight": String(weight),
        "Content-Length": Buffer.byteLength(body),
      });
      response.end(body);
    });
    await listening(server, { port, host, ipv6Only: host.includes(":") });
    return server;
  }

  answer(service: string): { status: 200 | 503; weight: number; body: string } {
    const weight = this.#endpoints.get(service) ?? 0;
    const healthy = this.#options.healthy();
    const [namespace, name] = service.split("/");
    const body = [
      "{",
      `	"service": {`,
      `		"namespace": ${JSON.stringify(namespace)},`,
      `		"name": ${JSON.stringify(name)}`,
      "	},",
      `	"localEndpoints": ${weight},`,
      `	"serviceProxyHealthy": ${healthy}`,
      "}",
    ].join("\n");
    return { status: weight > 0 && healthy ? 200 : 503, weight, body };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ servers }) => closeAll(servers)));
  }
}

async function closeAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(
    servers.map((server) => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      return closed;
    }),
  );
}
