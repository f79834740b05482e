/**
 * The subresources behind which something runs: logs, exec, attach, port-forward and the proxies. The pipeline has
 * authenticated and authorized the request before it comes here.
 */
import type { ApiRequest, ApiResponse } from "../../api/exchange.ts";
import { badRequest, notFound, StatusError } from "../../api/status.ts";
import type { Node, Pod } from "../../api/types/core-v1.gen.ts";
import type { Random } from "../../base/random.ts";
import type { Reader } from "../../cache/cache.ts";
import type { Upgrade, UpgradeHandler } from "../http/listener.ts";
import { bodyWithin } from "../outside/body.ts";
import { queryBool, type RequestInfo, splitProxied } from "../request-info.ts";
import type { Call } from "../rest/call.ts";
import type { Form } from "../rest/negotiate.ts";
import { core, placeOf } from "../rest/place.ts";
import { checkStreamForm } from "../rest/table.ts";
import type { Connectors } from "../router.ts";
import { type Admit, connectorsOf, upgrading } from "./connectable.ts";
import { proxyRequest, proxyUpgrade } from "./http-proxy.ts";
import { nodeTarget, podTarget, type ProxyTarget, serviceTarget } from "./proxy-target.ts";
import { KubeletClient, type KubeletTLS } from "./kubelet-client.ts";
import { checkLogOptions, checkPorts, kubeletOf, logPath, type NodeEndpoint, portForwardPath, streamPath } from "./location.ts";
import { fetchLogs, logSubprotocols, sendLogs } from "./logs.ts";
import { forwardedHeaders, join, relayRefusal, responseHead } from "../../base/relay.ts";
import { kubeletProtocol, subprotocols, translate } from "./remote-command.ts";
import { tunnel, tunnelPrefix } from "./tunnel.ts";
import { accept, isWebSocket, offered } from "./websocket.ts";

export interface ConnectorOptions {
  reader: Reader;
  kubelet: KubeletTLS;
  random: Random;
}

export class Connector {
  readonly #options: ConnectorOptions;
  readonly #kubelets: KubeletClient;
  constructor(options: ConnectorOptions) {
    this.#options = options;
    this.#kubelets = new KubeletClient(options.kubelet);
  }

  /** By `resource/subresource`, for requests that need no upgrade. */
  handlers(): Connectors {
    return connectorsOf((call) => this.serve(call));
  }

  /** Refusals of `admit` are answered on the socket. */
  upgradeHandler(admit: Admit): UpgradeHandler {
    return (request, upgrade) =>
      upgrading(admit, request, upgrade, async (info, started) => {
        await this.#upgrade(request, info, upgrade, started);
      });
  }

  /** Answers what needs no upgrade. Rejects with StatusError. */
  async serve({ request, info, form }: Call): Promise<ApiResponse> {
    if (info.subresource === "proxy") {
      const { path, prefix } = splitProxied(request.path, info.parts);
      const target = await this.#target(info);
      // Relative links of the target's root would lead elsewhere.
      if (!path && (request.method === "GET" || request.method === "HEAD")) return { status: 301, headers: { location: `${prefix}/${queryOf(request)}` } };
      return proxyRequest(request, target, { path: path || "/", prefix });
    }
    checkOptions(info, request.query);
    const pod = this.#pod(info);
    if (info.subresource === "log") return this.#logs(pod, request, form);
    this.#streamOf(pod, info, request);
    throw badRequest("Upgrade request required");
  }

  async #upgrade(request: ApiRequest, info: RequestInfo, upgrade: Upgrade, started: (code: number) => void): Promise<void> {
    if (info.subresource === "proxy") {
      const { path } = splitProxied(request.path, info.parts);
      const { response, socket, head } = await proxyUpgrade(upgrade.request, request, await this.#target(info), `${path || "/"}${queryOf(request)}`);
      if (!socket && (response.statusCode ?? 0) < 400)
        throw new StatusError({ code: 500, reason: "InternalError", message: `invalid upgrade response: status code ${response.statusCode}` });
      started(response.statusCode ?? switched);
      return relayAnswer(upgrade, response, socket, head);
    }
    checkOptions(info, request.query);
    const pod = this.#pod(info);
    const ws = isWebSocket(upgrade.request);
    if (info.subresource === "log") {
      if (!ws) throw badRequest("logs are upgraded to WebSockets only");
      const protocol = offered(upgrade.request).find((p) => logSubprotocols.includes(p)) ?? "";
      const response = await this.#logs(pod, request);
      const client = await accept(upgrade.request, upgrade.socket, upgrade.head, protocol);
      started(switched);
      return sendLogs(client, protocol, response);
    }
    const { query } = request;
    const { path, node } = this.#streamOf(pod, info, request);
    const offers = offered(upgrade.request);
    const tunnelled = ws ? offers.find((p) => p.startsWith(tunnelPrefix)) : undefined;
    if (tunnelled) {
      const spdy = await this.#dial(node, path, [tunnelled.slice(tunnelPrefix.length)], request.signal);
      const client = await accept(upgrade.request, upgrade.socket, upgrade.head, tunnelled);
      started(switched);
      return tunnel(client, spdy.socket, spdy.head);
    }
    if (ws && info.subresource !== "portforward") {
      const protocol = subprotocols.find((p) => offers.includes(p)) ?? (offers.length ? undefined : "");
      if (protocol === undefined) throw badRequest(`unable to upgrade: none of the subprotocols ${offers.join(", ")} is supported`);
      const command = {
        stdin: queryBool(query.get("stdin")),
        stdout: queryBool(query.get("stdout")),
        stderr: queryBool(query.get("stderr")),
        tty: queryBool(query.get("tty")),
      };
      const spdy = await this.#dial(node, path, [kubeletProtocol], request.signal);
      if (spdy.head.length) spdy.socket.unshift(spdy.head);
      const client = await accept(upgrade.request, upgrade.socket, upgrade.head, protocol);
      started(switched);
      return translate(client, protocol, spdy.socket, command);
    }
    const headers = forwardedHeaders(upgrade.request.rawHeaders, request.headers["sec-websocket-protocol"]);
    const { response, socket, head } = await this.#kubelets.upgrade(node, path, upgrade.request.method ?? "POST", headers, request.signal);
    started(response.statusCode ?? switched);
    return relayAnswer(upgrade, response, socket, head);
  }

  /** A SPDY connection of ours to the kubelet. Rejects with its refusal. */
  async #dial(
    node: NodeEndpoint,
    path: string,
    protocols: string[],
    signal: AbortSignal,
  ): Promise<{ socket: NonNullable<Awaited<ReturnType<KubeletClient["upgrade"]>>["socket"]>; head: Buffer }> {
    const headers = { connection: "Upgrade", upgrade: "SPDY/3.1", "x-stream-protocol-version": protocols, "content-length": "0" };
    const { response, socket, head } = await this.#kubelets.upgrade(node, path, "POST", headers, signal);
    if (socket) return { socket, head: head ?? Buffer.alloc(0) };
    const code = response.statusCode ?? 500;
    const message = (await bodyWithin(response, longestRefusal)).toString().trim() || `unable to upgrade connection: the kubelet answered ${code}`;
    throw new StatusError({ code, reason: code === 404 ? "NotFound" : code === 400 ? "BadRequest" : "InternalError", message });
  }

  #logs(pod: Pod, request: ApiRequest, form?: Form): Promise<ApiResponse> {
    const path = logPath(pod, request.query);
    const node = path ? this.#nodeOf(pod) : undefined;
    if (form) checkStreamForm(form);
    return fetchLogs(this.#kubelets, node, path, request.signal);
  }

  /** Where the streams of exec, attach and port-forward are. Throws StatusError where there is no such place. */
  #streamOf(pod: Pod, { subresource }: RequestInfo, { query }: ApiRequest): { path: string; node: NodeEndpoint } {
    const path = subresource === "portforward" ? portForwardPath(pod, query) : streamPath(subresource as "exec" | "attach", pod, query);
    return { path, node: this.#nodeOf(pod) };
  }

  #pod(info: RequestInfo): Pod {
    const pod = this.#options.reader.get<Pod>("pods", placeOf(core("pods"), info), info.name);
    if (!pod) throw notFound("pods", info.name);
    return pod;
  }

  #nodeOf(pod: Pod): NodeEndpoint {
    const node = this.#options.reader.get<Node>("nodes", "", pod.spec.nodeName ?? "");
    // Upstream's words: it looks the node up on behalf of a pod.
    if (!node) throw notFound("pods", pod.spec.nodeName ?? "");
    return kubeletOf(node);
  }

  async #target(info: RequestInfo): Promise<ProxyTarget> {
    const { reader, random, kubelet } = this.#options;
    if (info.resource === "pods") return podTarget(reader, info.namespace, info.name);
    if (info.resource === "services") return serviceTarget(reader, random, info.namespace, info.name);
    return nodeTarget(reader, info.name, kubelet);
  }

  close(): void {
    this.#kubelets.close();
  }
}

/** What is asked is read before anybody is looked for. */
function checkOptions({ subresource, name }: RequestInfo, query: URLSearchParams): void {
  if (subresource === "log") checkLogOptions(name, query);
  if (subresource === "portforward") checkPorts(query);
}

/** Bytes of what a kubelet says when it does not switch protocols. */
const longestRefusal = 1 << 20;
/** Switching Protocols. */
const switched = 101;

const queryOf = ({ query }: ApiRequest): string => (query.size ? `?${query}` : "");

async function relayAnswer(
  upgrade: Upgrade,
  response: Parameters<typeof responseHead>[0],
  socket: Parameters<typeof join>[1] | undefined,
  head: Buffer | undefined,
): Promise<void> {
  if (!socket) return relayRefusal(upgrade.socket, response);
  upgrade.socket.write(responseHead(response));
  return join(upgrade.socket, socket, { fromA: upgrade.head, ...(head ? { fromB: head } : {}) });
}
