/** The API server as a client of kubelets: HTTPS with a client certificate of its own, plain requests and upgrades. */
import type { IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import { serviceUnavailable } from "../../api/status.ts";
import { checkServerIdentity } from "../outside/server-identity.ts";
import type { NodeEndpoint } from "./location.ts";

export interface KubeletTLS {
  /** PEM bundle that kubelets' serving certificates are verified against. */
  ca: string;
  cert: string;
  key: string;
}

export interface Upgraded {
  /** The answer that switched protocols, or the one that refused to. */
  response: IncomingMessage;
  /** Present when it switched. */
  socket?: Duplex;
  head?: Buffer;
}

export class KubeletClient {
  readonly #agent: Agent;
  readonly #tls: KubeletTLS & { allowPartialTrustChain: true; checkServerIdentity: typeof checkServerIdentity };
  constructor(tls: KubeletTLS) {
    // A kubelet's certificate that is in the bundle itself is trusted, as Go has it.
    this.#tls = { ...tls, allowPartialTrustChain: true, checkServerIdentity };
    this.#agent = new Agent({ keepAlive: true, maxFreeSockets: 16, ...this.#tls });
  }

  /** Rejects with StatusError 503 when the kubelet cannot be reached. The body must be read or destroyed. */
  get(node: NodeEndpoint, path: string, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const call = httpsRequest({ agent: this.#agent, host: node.host, port: node.port, path, method: "GET", signal });
      call.on("response", resolve);
      call.on("error", (error) => {
        if (signal.aborted) reject(signal.reason);
        // The kubelet closed a kept connection just as it was used again (RFC 9112 section 9.3.1): nothing was answered on it.
        else if (call.reusedSocket) this.get(node, path, signal).then(resolve, reject);
        else reject(unreachable(node, error));
      });
      call.end();
    });
  }

  /** Asks to switch protocols; gives the refusal as it is. */
  upgrade(node: NodeEndpoint, path: string, method: string, headers: Record<string, string | string[]>, signal: AbortSignal): Promise<Upgraded> {
    return new Promise((resolve, reject) => {
      const call = httpsRequest({ ...this.#tls, agent: false, host: node.host, port: node.port, path, method, headers, signal });
      call.on("upgrade", (response, socket, head) => resolve({ response, socket, head }));
      call.on("response", (response) => resolve({ response }));
      call.on("error", (error) => reject(signal.aborted ? signal.reason : unreachable(node, error)));
      call.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

const unreachable = (node: NodeEndpoint, error: Error): Error =>
  serviceUnavailable(`error dialing backend: dial tcp ${node.host}:${node.port}: ${error.message}`);
