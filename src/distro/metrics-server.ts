/**
 * metrics.k8s.io of a cluster that `k8ts up` makes: served in the server's process, on the node's own address, and reached
 * through an APIService as any metrics server is (docs/decisions/0004-metrics-api-in-the-server.md).
 */
import { serviceNameLabel } from "../api/discovery/service-name.ts";
import { isConflict, isNotFound } from "../api/status.ts";
import type { UserInfo } from "../api/exchange.ts";
import type { Draft, KubeObject } from "../api/object.ts";
import type { APIService } from "../api/types/apiregistration-v1.gen.ts";
import type { Node, Pod, Service } from "../api/types/core-v1.gen.ts";
import type { EndpointSlice } from "../api/types/discovery-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Random } from "../base/random.ts";
import type { Client, Resource } from "../client/client.ts";
import { createInformerFactory } from "../client/factory.ts";
import { apiservices, endpointslices, nodes, pods, services } from "../client/resources.gen.ts";
import { MetricsAPI, type Subject } from "../monitoring/metrics-api.ts";
import { Scraper } from "../monitoring/scraper.ts";
import { MetricsServer } from "../monitoring/server.ts";
import { UsageStore } from "../monitoring/usage.ts";
import { CallerIdentity, type Trust } from "./components/caller-identity.ts";
import { DelegatedAccess } from "./components/delegated-access.ts";

export const metricsUser: UserInfo = { name: "system:k8ts:metrics", groups: ["system:authenticated"] };

export interface MetricsServerParts {
  /** As metricsUser. */
  client: Client;
  /** Writes the Service, its endpoints and the APIService. */
  administrator: Client;
  trust: Trust;
  /** PEM: the kubelets' authority, and the certificate of metricsUser. */
  kubelets: { ca: string; cert: string; key: string };
  /** PEM; `ca`: the authority that the API server verifies `cert` against. */
  serving: { cert: string; key: string; ca: string };
  /** Where it listens. */
  address: string;
  clock: Clock;
  random: Random;
  logger: Logger;
}

const namespace = "kube-system";
const name = "metrics-server";
const labels = { "k8s-app": name };
/** Milliseconds between scrapes, as metrics-server's own manifests have it. */
const resolution = 15_000;

const subjectOf = ({ metadata }: KubeObject): Subject => ({ namespace: metadata.namespace ?? "", name: metadata.name, labels: metadata.labels ?? {} });

/** What is needed to find a node and its kubelet. */
const projectNode = ({ metadata, status }: Node): Node =>
  ({
    metadata: { name: metadata.name, uid: metadata.uid, resourceVersion: metadata.resourceVersion, labels: metadata.labels },
    status: { addresses: status.addresses, daemonEndpoints: status.daemonEndpoints },
  }) as Node;

/** Resolves when it listens and is registered. */
export async function startMetricsServer(parts: MetricsServerParts): Promise<AsyncDisposable> {
  const { client, clock, logger, random, kubelets, serving, address, trust } = parts;
  const stop = new AbortController();
  const informers = createInformerFactory({ client, clock, logger, random });
  const nodeInformer = informers.informer(nodes, { project: projectNode });
  const store = new UsageStore(resolution);
  const scraper = new Scraper({ nodes: () => nodeInformer.list(), store, tls: kubelets, clock, logger, resolution, signal: stop.signal });
  const callers = new CallerIdentity(trust, clock);
  const api = new MetricsAPI(
    store,
    {
      nodes: () => nodeInformer.list().map(subjectOf),
      async pods({ namespace: within, labelSelector }) {
        const { items } = await client
          .resource<Pod>(pods)
          .list({ ...(within ? { namespace: within } : {}), labelSelector, fieldSelector: "status.phase=Running" });
        return items.map(subjectOf);
      },
      pod: async (within, one) => subjectOf(await client.resource<Pod>(pods).get(within, one)),
    },
    () => clock.now(),
  );
  const server = new MetricsServer({
    api,
    access: new DelegatedAccess(client, clock, { callers }),
    tls: { ...serving, authorities: callers.authorities },
    host: address,
    port: 0,
    unready: () => (scraper.lastGood === undefined ? "no node has been measured yet" : undefined),
    logger,
  });
  const port = await server.start();
  informers.start(stop.signal);
  await register(parts, port);
  const scraping = nodeInformer.synced(stop.signal).then(
    () => scraper.start(),
    () => undefined,
  );
  return {
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the server stops"));
      await scraping;
      await scraper[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Idempotent. An APIService that leads elsewhere is its owner's: another metrics server has been installed. */
async function register({ administrator: client, address, serving, logger }: MetricsServerParts, port: number): Promise<void> {
  const current = async <T extends KubeObject>(resource: Resource<T>, within: string, one: string): Promise<T | undefined> => {
    try {
      return await client.resource(resource).get(within, one);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  };
  const put = async <T extends KubeObject>(resource: Resource<T>, within: string, wanted: Draft<T>): Promise<void> => {
    const old = await current(resource, within, wanted.metadata.name ?? "");
    try {
      if (old) await client.resource(resource).update({ ...old, ...wanted, metadata: { ...old.metadata, ...wanted.metadata } } as T);
      else await client.resource(resource).create(within, wanted);
    } catch (error) {
      if (!isConflict(error)) throw error;
      await put(resource, within, wanted);
    }
  };
  const apiName = "v1beta1.metrics.k8s.io";
  const registered = (await current<APIService>(apiservices, "", apiName))?.spec.service;
  if (registered && (registered.namespace !== namespace || registered.name !== name)) {
    logger.info("metrics.k8s.io is served by another", { service: `${registered.namespace}/${registered.name}` });
    return;
  }
  const service = await current<Service>(services, namespace, name);
  if (service && service.metadata.labels?.["app.kubernetes.io/managed-by"] !== "k8ts") {
    logger.info("a Service of somebody else has the name of the metrics server: metrics.k8s.io is not registered", { service: `${namespace}/${name}` });
    return;
  }
  const owned = { ...labels, "app.kubernetes.io/managed-by": "k8ts" };
  if (!service)
    await put<Service>(services, namespace, {
      metadata: { name, labels: owned },
      spec: { ports: [{ name: "https", port: 443, targetPort: port, protocol: "TCP" }] },
    });
  await put<EndpointSlice>(endpointslices, namespace, {
    metadata: { name, labels: { ...owned, [serviceNameLabel]: name, "endpointslice.kubernetes.io/managed-by": "k8ts.dev" } },
    addressType: address.includes(":") ? "IPv6" : "IPv4",
    endpoints: [{ addresses: [address], conditions: { ready: true, serving: true, terminating: false } }],
    ports: [{ name: "https", port, protocol: "TCP" }],
  });
  await put<APIService>(apiservices, "", {
    metadata: { name: apiName, labels: owned },
    spec: {
      group: "metrics.k8s.io",
      version: "v1beta1",
      groupPriorityMinimum: 100,
      versionPriority: 100,
      service: { namespace, name, port: 443 },
      caBundle: Buffer.from(serving.ca).toString("base64"),
    },
  });
}
