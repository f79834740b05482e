/**
 * HTTPS to the server behind an APIService: found through its Service, verified against the caBundle under the Service's
 * name, and told who asks by the front proxy's certificate and headers (pkg/apiserver/handler_proxy.go of kube-aggregator).
 */
import type { ConnectionOptions } from "node:tls";
import type { ClientRequest, IncomingMessage } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import type { UserInfo } from "../../api/exchange.ts";
import { bodyWithin } from "../outside/body.ts";
import { type Annotate, type CertificateSeries, checkServerIdentity, countAnswering, countCertificate } from "../outside/server-identity.ts";
import { type Address, resolveService, type ServiceResolution } from "../service-resolver.ts";
import type { Remote } from "./remotes.ts";

export interface FrontProxyClient {
  /** PEM. */
  cert: string;
  key: string;
}

export interface BackendOptions extends ServiceResolution {
  /** Absent: backends are not told who asks in a way that they can believe. */
  client?: FrontProxyClient;
  certificates?: CertificateSeries;
}

/** `https://HOST:PORT`, for messages. */
export const urlOf = ({ host, port }: Address): string => `https://${host.includes(":") ? `[${host}]` : host}:${port}`;

/** What HTTP allows in a header's name stays; all else is percent-encoded. */
const escapeKey = (key: string): string =>
  [...Buffer.from(key)].map((byte) => (/[!#$&'*+.^_`|~0-9A-Za-z-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${hex(byte)}`)).join("");
const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, "0");
/** Go sends names as UTF-8; node:http takes one character for each byte. */
const asBytes = (text: string): string => Buffer.from(text).toString("latin1");

export type OutgoingHeaders = Record<string, string | string[]>;

/** Whatever the caller claimed to be is replaced. */
export function withUser(headers: OutgoingHeaders, { name, uid, groups, extra = {} }: UserInfo): OutgoingHeaders {
  const out: OutgoingHeaders = {};
  for (const [key, value] of Object.entries(headers)) if (!/^x-remote-(user|uid|group|extra-.*)$/.test(key)) out[key] = value;
  out["x-remote-user"] = asBytes(name);
  if (uid) out["x-remote-uid"] = asBytes(uid);
  if (groups.length) out["x-remote-group"] = groups.map(asBytes);
  for (const [key, values] of Object.entries(extra)) out[`x-remote-extra-${escapeKey(key)}`] = values.map(asBytes);
  return out;
}

export interface Outgoing {
  method: string;
  /** With the query. */
  path: string;
  headers: OutgoingHeaders;
  signal: AbortSignal;
  /** Of the request on whose behalf it goes out. */
  annotate?: Annotate | undefined;
}

/** Connections are kept for each APIService as long as how it is verified stays the same. */
export class Backends {
  readonly #options: BackendOptions;
  readonly #agents = new Map<string, { key: string; agent: Agent }>();
  constructor(options: BackendOptions) {
    this.#options = options;
  }

  /** Throws Unroutable. */
  address(remote: Remote): Address {
    return resolveService(remote.service, this.#options);
  }

  /** Not ended yet. Throws Unroutable, and TypeError for headers that HTTP cannot carry. */
  open(remote: Remote, outgoing: Outgoing, address = this.address(remote)): ClientRequest {
    const { certificates } = this.#options;
    return this.#open(remote, outgoing, address)
      .on("response", ({ socket }) => countAnswering(socket, certificates, address.host, outgoing.annotate))
      .on("error", (error) => countCertificate(error, certificates, address.host, outgoing.annotate));
  }
  #open(remote: Remote, { method, path, headers, signal }: Outgoing, address: Address): ClientRequest {
    return httpsRequest({ ...address, agent: this.#agentOf(remote), method, path, headers, signal, maxHeaderSize: 1 << 20 });
  }

  /** A connection of its own, for protocols that leave HTTP. */
  openUpgrade(remote: Remote, { method, path, headers, signal }: Outgoing): ClientRequest {
    return httpsRequest({ ...this.address(remote), ...this.#tlsOf(remote), agent: false, method, path, headers, signal });
  }

  /** A document; rejects when it takes longer than the signal or more bytes than `limit`. */
  async fetch(remote: Remote, outgoing: Outgoing, limit: number, address?: Address): Promise<{ response: IncomingMessage; body: Buffer }> {
    const call = this.#open(remote, outgoing, address ?? this.address(remote));
    const response = await new Promise<IncomingMessage>((resolve, reject) => call.on("response", resolve).on("error", reject).end());
    const body = await bodyWithin(response, limit);
    return { response, body };
  }

  #tlsOf({ service, ca, insecure }: Remote): ConnectionOptions & { servername: string } {
    const { client } = this.#options;
    return {
      servername: `${service.name}.${service.namespace}.svc`,
      ...(ca ? { ca, allowPartialTrustChain: true } : {}),
      rejectUnauthorized: !insecure,
      checkServerIdentity,
      ...client,
    };
  }

  #agentOf(remote: Remote): Agent {
    const tls = this.#tlsOf(remote);
    const key = JSON.stringify([tls.servername, tls.ca, tls.rejectUnauthorized]);
    const known = this.#agents.get(remote.name);
    if (known?.key === key) return known.agent;
    known?.agent.destroy();
    const agent = new Agent({ keepAlive: true, maxFreeSockets: 16, timeout: 0, ...tls });
    this.#agents.set(remote.name, { key, agent });
    return agent;
  }

  /** Connections to what is no more. */
  forget(name: string): void {
    this.#agents.get(name)?.agent.destroy();
    this.#agents.delete(name);
  }

  close(): void {
    for (const name of [...this.#agents.keys()]) this.forget(name);
  }
}
