/**
 * The kubelet's HTTPS API (k8s.io/kubernetes/pkg/kubelet/server/server.go): logs, exec, attach, port-forward, the pods that
 * it runs, its health. Streams are switched through to the runtime's own streaming server.
 */
import { listening } from "../../base/listening.ts";
import type { IncomingMessage, ServerResponse } from "node:http";
import { request as httpRequest } from "../../base/http1.ts";
import { createServer, type Server } from "node:https";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { SecureContextOptions, TLSSocket } from "node:tls";
import type { Pod } from "../../api/types/core-v1.gen.ts";
import { answerCheck, answerHealth, type HealthCheck, type HealthSLIs } from "../../api/health-checks.ts";
import { answerZPage, type ZPage, zpageHeaders } from "../../api/zpages.ts";
import type { Logger } from "../../base/logger.ts";
import { askingForCertificates, sentCertificates } from "../../base/sent-certificates.ts";
import { answer, forwardedHeaders, join, relayRefusal, responseHead } from "../../base/relay.ts";
import { type Access, subresourcesOf, verbOf } from "./access.ts";
import { type LogOptions, parseLogOptions } from "./log-options.ts";
import { nodeLogs } from "./node-logs.ts";
import { HttpError, isDebugging, type MetricsPage, parseRoute, type Route } from "./routes.ts";

/** The kubelet as its server sees it. Its methods reject with HttpError for what the caller asked wrongly. */
export interface ServedKubelet {
  pods(): Pod[];
  /** Those that have something running, as the runtime knows them. */
  runningPods(): Promise<Pod[]>;
  pod(namespace: string, name: string): Pod | undefined;
  /** Chunks of a container's log as the options ask. */
  logs(pod: Pod, container: string, options: LogOptions, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Addresses on the runtime's streaming server. */
  exec(pod: Pod, container: string, options: { command: string[]; stdin: boolean; stdout: boolean; stderr: boolean; tty: boolean }): Promise<string>;
  attach(pod: Pod, container: string, options: { stdin: boolean; stdout: boolean; stderr: boolean; tty: boolean }): Promise<string>;
  portForward(pod: Pod, ports: number[]): Promise<string>;
  /** Runs a command to its end; gives its output. */
  run(pod: Pod, container: string, command: string[]): Promise<Uint8Array>;
  readonly checks: readonly HealthCheck[];
  /** In Prometheus' text format. */
  metrics(page: MetricsPage): Promise<string>;
  /** What node, pods and containers use; `only`: processor time and memory. */
  summary(only: boolean): Promise<object>;
  configz(): object;
  /** Gives the path of the archive. */
  checkpoint(pod: Pod, container: string, timeout: string | undefined): Promise<string>;
  /** Logs, exec and the like are served. */
  readonly debugging: boolean;
  /** Directory of the machine's log files; undefined where they are not served. */
  readonly systemLogs: string | undefined;
}

/** PEM. */
export interface ServingPair {
  cert: string;
  key: string;
}

export interface KubeletServerOptions {
  kubelet: ServedKubelet;
  access: Access;
  tls: ServingPair;
  /** PEM of the authorities of clients, whose names a handshake tells. */
  clientCA: string;
  /** What its checks came to, on other ports as well. */
  slis: HealthSLIs;
  /** Of /statusz and /flagz; what is not there is 404. */
  zpages?: readonly ZPage[];
  host: string;
  /** 0: any free port. */
  port: number;
  logger: Logger;
}

const contextOf = ({ cert, key, clientCA }: ServingPair & { clientCA: string }): SecureContextOptions => ({
  cert,
  key,
  minVersion: "TLSv1.2",
  ...askingForCertificates(clientCA),
});

export class KubeletServer {
  readonly #options: KubeletServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();
  readonly #sent = new WeakMap<TLSSocket, readonly Uint8Array[]>();
  #shown: ServingPair & { clientCA: string };

  constructor(options: KubeletServerOptions) {
    this.#options = options;
    this.#shown = { ...options.tls, clientCA: options.clientCA };
    // Who a certificate stands for is found out by the request, from all that the client sent.
    this.#server = createServer({ ...contextOf(this.#shown), requestCert: true, rejectUnauthorized: false });
    this.#server.setTimeout(0);
    this.#server.on("secureConnection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", (error) => options.logger.debug("connection broke", { error }));
    });
    this.#server.on("request", (request, response) => void this.#onRequest(request, response));
    this.#server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => void this.#onUpgrade(request, socket, head));
    this.#server.on("clientError", (_, socket) => socket.destroy());
  }

  /** Resolves when it listens; gives the port. */
  start(): Promise<number> {
    const { host, port } = this.#options;
    return listening(this.#server, { host, port });
  }

  /** What new connections are shown instead. Throws, and keeps the former, where it cannot be used. */
  show(changed: Partial<ServingPair & { clientCA: string }>): void {
    const shown = { ...this.#shown, ...changed };
    this.#server.setSecureContext(contextOf(shown));
    this.#shown = shown;
  }

  #sentOver(socket: TLSSocket): readonly Uint8Array[] {
    const known = this.#sent.get(socket) ?? sentCertificates(socket);
    this.#sent.set(socket, known);
    return known;
  }

  /** Rejects with HttpError 401 or 403. */
  async #admit(request: IncomingMessage, route: Route): Promise<void> {
    const user = await this.#options.access.authenticate(this.#sentOver(request.socket as TLSSocket), request.headers.authorization);
    if (!user) throw new HttpError(401, "Unauthorized");
    if (!(await this.#options.access.allowed(user, request.method ?? "GET", route.path))) {
      const about = `user=${user.name}, verb=${verbOf(request.method ?? "GET")}, resource=nodes, subresource(s)=[${subresourcesOf(route.path).join(" ")}]`;
      throw new HttpError(403, `Forbidden (${about})\n`);
    }
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const abort = new AbortController();
    response.on("close", () => abort.abort(new Error("the client went away")));
    try {
      const route = parseRoute(request.url ?? "/");
      await this.#admit(request, route);
      if (!this.#options.kubelet.debugging && isDebugging(route.path)) throw new HttpError(405, "Debug endpoints are disabled.\n");
      if (route.kind === "checkpoint" && request.method !== "POST") throw new HttpError(405, "405: Method Not Allowed");
      if (route.kind === "zpage") this.#describe(route, request, response);
      else await this.#serve(route, request.method ?? "GET", response, abort.signal);
    } catch (error) {
      if (response.headersSent || abort.signal.aborted) return void response.destroy();
      const status = error instanceof HttpError ? error.status : 500;
      if (status === 500) this.#options.logger.warn("a request failed", { path: request.url, error });
      response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
      response.end((error as Error).message);
    }
  }

  #describe({ path, query }: Route, { headers }: IncomingMessage, response: ServerResponse): void {
    const { kubelet, zpages = [] } = this.#options;
    const page = kubelet.debugging ? zpages.find(({ kind }) => path === `/${kind.toLowerCase()}`) : undefined;
    if (!page) throw new HttpError(404, "404 page not found\n");
    const shown = answerZPage(page, { accept: headers.accept, userAgent: headers["user-agent"], pretty: query.get("pretty"), cbor: false });
    response.writeHead(shown.status, zpageHeaders(shown));
    response.end(shown.body);
  }

  async #serve(route: Route, method: string, response: ServerResponse, signal: AbortSignal): Promise<void> {
    const { kubelet, slis } = this.#options;
    switch (route.kind) {
      case "healthz": {
        const name = route.path.slice("/healthz/".length);
        const said = name ? await answerCheck(kubelet.checks, name) : await answerHealth("healthz", kubelet.checks, route.query, slis);
        if (!said) throw new HttpError(404, "404 page not found\n");
        response.writeHead(said.status, { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" });
        return void response.end(said.body);
      }
      case "slis": {
        const { type, body } = slis.answer(method);
        response.writeHead(200, { "content-type": type });
        return void response.end(body);
      }
      case "metrics":
      case "resourceMetrics":
      case "cadvisorMetrics":
      case "probeMetrics": {
        const text = await kubelet.metrics(route.kind);
        response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8; escaping=underscores" });
        return void response.end(text);
      }
      case "statsSummary": {
        const summary = await kubelet.summary(["1", "true"].includes(route.query.get("only_cpu_and_memory") ?? ""));
        response.writeHead(200, { "content-type": "application/json" });
        return void response.end(JSON.stringify(summary, null, 1));
      }
      case "checkpoint": {
        const pod = this.#pod(route);
        const path = await kubelet.checkpoint(pod, containerOf(pod, route.container), route.query.getAll("timeout").at(-1));
        response.writeHead(200, { "content-type": "application/json" });
        return void response.end(JSON.stringify({ items: [path] }));
      }
      case "configz":
        response.writeHead(200, { "content-type": "application/json" });
        return void response.end(JSON.stringify(kubelet.configz()));
      case "logs": {
        if (kubelet.systemLogs === undefined) throw new HttpError(405, "logs endpoint is disabled.\n");
        const { status, headers, body } = await nodeLogs(kubelet.systemLogs, route.path);
        response.writeHead(status, headers);
        if (body === undefined || typeof body === "string") return void response.end(body);
        return pipeline(body, response);
      }
      case "pods":
      case "runningPods": {
        const items = route.kind === "pods" ? kubelet.pods() : await kubelet.runningPods();
        response.writeHead(200, { "content-type": "application/json" });
        return void response.end(JSON.stringify({ kind: "PodList", apiVersion: "v1", metadata: {}, items: items.length ? items : null }));
      }
      case "containerLogs": {
        const pod = this.#pod(route);
        const chunks = await kubelet.logs(pod, containerOf(pod, route.container), parseLogOptions(route.query), signal);
        response.writeHead(200, { "content-type": "text/plain" });
        response.flushHeaders();
        return pipeline(chunks, response);
      }
      case "run": {
        const pod = this.#pod(route);
        const output = await kubelet.run(pod, containerOf(pod, route.container), (route.query.get("cmd") ?? "").split(" "));
        response.writeHead(200, { "content-type": "text/plain" });
        return void response.end(output);
      }
      default:
        throw new HttpError(400, "Upgrade request required");
    }
  }

  async #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on("error", () => socket.destroy());
    try {
      const route = parseRoute(request.url ?? "/");
      await this.#admit(request, route);
      if (!this.#options.kubelet.debugging) throw new HttpError(405, "Debug endpoints are disabled.\n");
      await switchThrough(await this.#streamURL(route), request, socket, head);
    } catch (error) {
      const status = error instanceof HttpError ? error.status : 500;
      answer(socket, status, "Error", "text/plain; charset=utf-8", (error as Error).message);
    }
  }

  #streamURL(route: Route): Promise<string> {
    const { kubelet } = this.#options;
    if (route.kind === "portForward") {
      const ports = route.query
        .getAll("port")
        .flatMap((p) => p.split(","))
        .filter(Boolean)
        .map(Number);
      return kubelet.portForward(this.#pod(route), ports);
    }
    if (route.kind !== "exec" && route.kind !== "attach") throw new HttpError(404, "404 page not found");
    const pod = this.#pod(route);
    const container = containerOf(pod, route.container);
    const on = (name: string): boolean => ["1", "true"].includes(route.query.get(name) ?? "");
    const options = { stdin: on("input"), stdout: on("output"), stderr: on("error") && !on("tty"), tty: on("tty") };
    if (!options.stdin && !options.stdout && !options.stderr) throw new HttpError(400, "you must specify at least 1 of stdin, stdout, stderr");
    return route.kind === "exec"
      ? kubelet.exec(pod, container, { ...options, command: route.query.getAll("command") })
      : kubelet.attach(pod, container, options);
  }

  #pod(route: { namespace: string; pod: string }): Pod {
    const pod = this.#options.kubelet.pod(route.namespace, route.pod);
    if (!pod) throw new HttpError(404, `pod "${route.pod}" in namespace "${route.namespace}" does not exist`);
    return pod;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function containerOf(pod: Pod, name: string): string {
  const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? []), ...(pod.spec.ephemeralContainers ?? [])];
  if (!all.some((c) => c.name === name)) throw new HttpError(404, `container "${name}" not found in pod "${pod.metadata.name}"`);
  return name;
}

/** Joins the caller with the runtime's streaming server once that has agreed to the same switch of protocols. */
function switchThrough(url: string, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const headers = forwardedHeaders(request.rawHeaders);
  return new Promise((resolve, reject) => {
    const call = httpRequest(url, { method: request.method ?? "POST", headers, agent: false });
    call.on("error", reject);
    call.on("upgrade", (response, runtime, early) => {
      socket.write(responseHead(response));
      join(socket, runtime, { fromA: head, fromB: early });
      resolve();
    });
    call.on("response", (response) => relayRefusal(socket, response).then(resolve, reject));
    call.end();
  });
}
