/** A whole API server over a store: everything that is on by default, ready to answer. */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import { Metrics } from "../base/metrics.ts";
import { Owned } from "../base/owned.ts";
import type { Random } from "../base/random.ts";
import { openCache, type WatchCache } from "../cache/watch-cache.ts";
import { type ResourceDef, resources } from "../api/schema/schema.ts";
import type { ResourceQuota, Secret } from "../api/types/core-v1.gen.ts";
import type { ResourceCache } from "../cache/cache.ts";
import { TransformingStore } from "../cache/transformer.ts";
import type { Store } from "../store/store.ts";
import { type AssembleAdmissionOptions, assembleAdmission } from "./assemble-admission.ts";
import { Aggregator } from "./aggregation/aggregator.ts";
import type { FrontProxyClient } from "./aggregation/backend.ts";
import { type Authorities, type DefaultAuthenticationOptions, defaultAuthentication } from "./authentication/default.ts";
import { CustomOpenAPI } from "./customresources/custom-openapi.ts";
import { CustomResources } from "./customresources/custom-resources.ts";
import { converterOf } from "./customresources/webhook-converter.ts";
import { DefinitionControllers } from "./customresources/definition-controllers.ts";
import { noteLegacyUse } from "./authentication/legacy-token-use.ts";
import { type OutsideTokenOptions, outsideTokens } from "./authentication/outside-tokens.ts";
import { fixedKeys, type KeySource, parseSigningKey, parseVerificationKeys, signToken, type TokenSigner } from "./authentication/service-account-keys.ts";
import { type AuthorizationSource, openAuthorization } from "./authorization/open.ts";
import { type BootstrapOptions, bootstrap, bootstrapRules, ensureAuthenticationConfig, keepFlowControl, mandatoryFlowControl, restore } from "./bootstrap.ts";
import { ConsistencyCheck } from "./consistency.ts";
import type { Encryption } from "./encryption/encryption.ts";
import { encryptionSeries } from "./encryption/metrics.ts";
import { indexFields, indexReads, storedResources } from "./endpoints.ts";
import { DanglingController } from "./flowcontrol/dangling.ts";
import { dump } from "./flowcontrol/dump.ts";
import { FlowControl } from "./flowcontrol/flow-control.ts";
import { MaxInFlight } from "./flowcontrol/max-in-flight.ts";
import { IdentityLease } from "./identity-lease.ts";
import { addressSeries } from "./metrics/addresses.ts";
import { auditSeries } from "./metrics/audit.ts";
import { showBuild } from "../api/version.ts";
import { certificateLifetimes, countAuthentication, tokenCacheSeries, tokenUses } from "./metrics/identity.ts";
import { certificateSeries } from "./metrics/certificates.ts";
import { showFeatures } from "./metrics/features.ts";
import { outgoingSeries } from "./metrics/outgoing.ts";
import { observeState } from "./metrics/state.ts";
import { conversionSeries } from "./metrics/conversion.ts";
import { ruleTimes } from "./metrics/rules.ts";
import { answerOpenId, type OpenIdDocument, openIdDocuments } from "./registry/authentication/openid.ts";
import { AddressAllocator } from "./registry/core/service-addresses.ts";
import { ServerEvents } from "./registry/core/server-events.ts";
import { defaultNodePorts, NodePortAllocator } from "./registry/core/service-node-ports.ts";
import { ServiceRepair } from "./registry/core/service-repair.ts";
import { keepDefaultServiceCIDR } from "./registry/networking/default-service-cidr.ts";
import { storeCheck } from "./registry/core/componentstatus.ts";
import type { ComponentCheck } from "./outside/component-health.ts";
import { createRegistries } from "./registry/registries.ts";
import { decode } from "./request-info.ts";
import { type ApiServer, type ApiServerOptions, createApiServer } from "./server.ts";
import type { KubeletTLS } from "./streaming/kubelet-client.ts";
import { unreachable } from "./streaming/unreachable.ts";
import { orWatch } from "./streaming/watch-socket.ts";
import { Upkeep } from "./upkeep.ts";
import type { Upgrades } from "./http/listener.ts";

export interface AssembleOptions
  extends Pick<
      ApiServerOptions,
      "auditor" | "cbor" | "described" | "tracer" | "checks" | "requestTimeoutSeconds" | "minWatchSeconds" | "enforcedElsewhere" | "resources"
    >,
    Pick<DefaultAuthenticationOptions, "frontProxy" | "tokenFile" | "anonymous" | "bootstrapTokens" | "serviceAccountLookup">,
    Pick<OutsideTokenOptions, "jwt" | "tokenWebhook">,
    Pick<AssembleAdmissionOptions, "tolerations" | "disabledPlugins" | "enabledPlugins" | "admissionConfiguration"> {
  /** How other components are, by the names of their ComponentStatuses; the store is added. */
  components?: ReadonlyMap<string, ComponentCheck>;
  /** Whether a feature is on that is off by default. @default none is */
  features?: (gate: string) => boolean;
  clock: Clock;
  random: Random;
  logger: Logger;
  store: Store;
  /** How resources are encrypted in the store; stays the caller's. Absent: nothing is encrypted, and what is cannot be read. */
  encryption?: Encryption;
  /** This process alone writes the store. @default true */
  exclusiveStore?: boolean;
  metrics?: Metrics;
  /** Bytes that the store takes, where that can be told. */
  storeBytes?: () => number;
  /** PEM bundle against which client certificates are verified. */
  clientCa?: string;
  /** PEM private key that signs service account tokens; its public half verifies them. */
  serviceAccountKey?: string;
  /** Instead of it: who signs them, and has the keys that verify them. Stays the caller's. */
  serviceAccountSigner?: TokenSigner & KeySource & { readonly maxTokenSeconds: number };
  /** PEM keys that verify service account tokens; absent: the public half of the one that signs. */
  serviceAccountPublicKeys?: string;
  serviceAccountIssuer: string;
  /** Longest life of tokens that are asked for; 0: any. @default 0 */
  maxTokenSeconds?: number;
  /** Whether pods' own tokens live for a year. @default true */
  extendTokens?: boolean;
  /** Issuers whose tokens are accepted as well, when a key of ours verifies them. */
  acceptedIssuers?: readonly string[];
  /** @default Node, RBAC */
  authorization?: AuthorizationSource;
  /** Requests at the same time that only read, and that write: together the seats of all priority levels. @default 400 and 200 */
  maxReading?: number;
  maxMutating?: number;
  /** Whether requests wait by flow schemas and priority levels; otherwise the two numbers hold each for itself. @default true */
  priorityAndFairness?: boolean;
  /** @default the issuer */
  audiences?: readonly string[];
  /** Default family first. @default 10.96.0.0/12 */
  serviceRanges?: readonly string[];
  nodePorts?: { first: number; last: number };
  /** Where others reach this server. */
  advertise?: { address: string; port: number };
  /** Host name in the links that the server gives of itself. @default the address at which others reach it */
  externalHost?: string;
  /** Where the keys of tokens are published, in /.well-known/openid-configuration. @default at this server */
  jwksUri?: string;
  /** Whether the endpoints of the kubernetes Service are kept at that address. @default true */
  keepEndpoints?: boolean;
  /** @default 3600 */
  eventTtlSeconds?: number;
  /** Of this machine; part of who reports events. With one the server has a Lease of its own in kube-system. */
  hostname?: string;
  /** How kubelets are reached. Absent: logs, exec, attach, port-forward and proxies are refused. */
  kubelet?: KubeletTLS;
  /** The front proxy's identity towards aggregated API servers. */
  aggregatorClient?: FrontProxyClient;
  /** Straight to endpoints of aggregated API servers, not to the addresses of their Services. @default false */
  aggregatorRouting?: boolean;
}

export interface AssembledServer extends AsyncDisposable {
  readonly server: ApiServer;
  readonly cache: WatchCache;
  readonly metrics: Metrics;
  /** For the listener. */
  readonly upgrades: Upgrades;
  readonly handshakeFailed: () => void;
  /** Other authorities of clients and of front proxies from now on. Throws, and keeps the former ones, when one cannot be read. */
  trust(authorities: Authorities): Promise<void>;
}

function definitionOf(resource: string): ResourceDef {
  const def = resources.find((one) => one.resource === resource);
  if (!def) throw new Error(`the schema has no ${resource}`);
  return def;
}

/** None where the issuer cannot be published, as upstream has it. */
function publishedKeys({ serviceAccountIssuer: issuer, jwksUri, logger }: AssembleOptions, externalAddress: string, keys: KeySource) {
  try {
    return openIdDocuments({ issuer, externalAddress, keys, ...(jwksUri ? { jwksUri } : {}) });
  } catch (error) {
    logger.warn("the issuer and the keys of service account tokens are not published", { error });
    return new Map<string, OpenIdDocument>();
  }
}

/** Who signs service account tokens, and what verifies them. Throws for keys that cannot be read. */
function tokenKeys({ serviceAccountSigner: outside, serviceAccountKey = "", serviceAccountPublicKeys }: AssembleOptions): {
  signer: TokenSigner;
  keys: KeySource;
} {
  if (outside) return { signer: outside, keys: outside };
  const key = parseSigningKey(serviceAccountKey);
  return { signer: { sign: (claims) => signToken(claims, key) }, keys: fixedKeys(parseVerificationKeys(serviceAccountPublicKeys ?? serviceAccountKey)) };
}

const hostAndPort = (host: string, port: number): string =>
  /:\d+$/.test(host) && !host.includes("::") ? host : `${host.includes(":") ? `[${host}]` : host}:${port}`;

/** Resolves when the caches are loaded and what a fresh cluster has exists. The store stays the caller's. */
export async function assembleApiServer(options: AssembleOptions): Promise<AssembledServer> {
  const { clock, random, encryption } = options;
  const served = options.resources ?? resources;
  const stored = storedResources(served);
  const store = encryption ? new TransformingStore(options.store, { transformerOf: encryption.transformerOf, resources: stored }) : options.store;
  const metrics = options.metrics ?? new Metrics();
  // What was never encrypted is counted as well, by noughts.
  if (!encryption) encryptionSeries(metrics, clock, `apiserver-${options.hostname ?? ""}`);
  const serviceRanges = options.serviceRanges ?? ["10.96.0.0/12"];
  const issuers = [options.serviceAccountIssuer, ...(options.acceptedIssuers ?? [])];
  const audiences = options.audiences ?? issuers;
  const cache = await openCache({ store, clock, resources: stored, index: indexFields, indexReads, metrics, exclusive: options.exclusiveStore ?? true });
  // What is made from here on is disposed of in reverse, by the server or where it does not come to one.
  const owned = new Owned();
  owned.use(cache);
  try {
    const outgoing = outgoingSeries(metrics);
    const outsiders = owned.use(outsideTokens(options, { issuers, audiences, metrics, outgoing }));
    const { reader } = cache;
    const { signer, keys } = tokenKeys(options);
    const lifetime = certificateLifetimes(metrics);
    const auditing = auditSeries(metrics);
    options.auditor?.observe(auditing, outgoing);
    const handshakes = metrics.counter("apiserver_tls_handshake_errors_total", "Number of requests dropped with 'TLS handshake error from' error").with();
    const { authenticator, tokens, anonymous, trust } = defaultAuthentication({
      ...outsiders,
      reader,
      clock,
      audiences,
      serviceAccountIssuers: issuers,
      serviceAccountKeys: keys,
      serviceAccountLookup: options.serviceAccountLookup ?? true,
      ...(options.clientCa ? { clientCa: options.clientCa } : {}),
      ...(options.frontProxy ? { frontProxy: options.frontProxy } : {}),
      ...(options.tokenFile ? { tokenFile: options.tokenFile } : {}),
      ...(options.anonymous ? { anonymous: options.anonymous } : {}),
      bootstrapTokens: options.bootstrapTokens ?? true,
      certificateLasts: (ms) => lifetime(ms / 1000),
      tokenCache: tokenCacheSeries(metrics),
      onTokenUse: tokenUses(metrics),
      onLegacyUse: noteLegacyUse(cache.resource(definitionOf("secrets")) as unknown as ResourceCache<Secret>, options.logger),
    });
    const authorization = openAuthorization(options.authorization, {
      ...{ reader, clock, random, metrics, outgoing },
      logger: options.logger.child("authorization"),
      nodeRules: bootstrapRules("system:node", options.features),
      server: `apiserver-${options.hostname ?? ""}`,
    });
    owned.use(authorization);
    const { chain: authorizer } = authorization;
    let server: ApiServer | undefined;
    const admissionParts = assembleAdmission({
      ...options,
      reader,
      authorizer,
      ...{ metrics, outgoing },
      quotas: cache.resource(definitionOf("resourcequotas")) as unknown as ResourceCache<ResourceQuota>,
      server: () => server,
    });
    owned.use(admissionParts);
    const { admission } = admissionParts;
    const conversionClient = admissionParts.webhookClient(undefined);
    owned.defer(() => conversionClient.close());
    const registries = createRegistries({
      reader,
      clock,
      random,
      authorizer,
      rbac: authorizer.rbac,
      rules: authorizer,
      tokens,
      anonymous,
      issuer: {
        issuer: options.serviceAccountIssuer,
        signer,
        ...(options.serviceAccountSigner ? { maxExtendedSeconds: options.serviceAccountSigner.maxTokenSeconds } : {}),
        audiences,
        extendExpiration: options.extendTokens ?? true,
        ...(options.maxTokenSeconds ? { maxExpirationSeconds: options.maxTokenSeconds } : {}),
      },
      services: {
        addresses: new AddressAllocator({
          reader,
          addresses: cache.resource(definitionOf("ipaddresses")),
          clock,
          random,
          ranges: serviceRanges,
          series: addressSeries(metrics),
        }),
        nodePorts: new NodePortAllocator({ reader, random, ...options.nodePorts }),
      },
      eventTtlSeconds: options.eventTtlSeconds ?? 3600,
      components: new Map([...(options.components ?? []), ["etcd-0", storeCheck(() => cache.check())]]),
    });
    const { address: host = "127.0.0.1", port = 6443 } = options.advertise ?? {};
    const address = hostAndPort(options.externalHost || host, port);
    const openId = publishedKeys(options, address, keys);
    // Servers without kubelets do without the HTTP client and the WebSockets behind it.
    const connector = options.kubelet ? new (await import("./streaming/connector.ts")).Connector({ reader, random, kubelet: options.kubelet }) : unreachable;
    owned.defer(() => connector.close());
    const conversions = { client: conversionClient, clock, random, series: conversionSeries(metrics) };
    const custom = new CustomResources({ cache, clock, times: ruleTimes(metrics, clock), converterOf: (definition) => converterOf(definition, conversions) });
    const openapi = new CustomOpenAPI(custom, served);
    const aggregator = new Aggregator({
      reader,
      random,
      clock,
      logger: options.logger.child("aggregator"),
      toEndpoints: options.aggregatorRouting ?? false,
      certificates: certificateSeries(metrics, "kube_aggregator"),
      ...(options.aggregatorClient ? { client: options.aggregatorClient } : {}),
      ...(options.advertise ? { own: { host: options.advertise.address, port: options.advertise.port } } : {}),
      patience: (options.requestTimeoutSeconds ?? 60) * 1000,
      swagger: () => openapi.swagger(),
      index: () => openapi.index(),
    });
    owned.use(aggregator);
    const { maxReading = 400, maxMutating = 200 } = options;
    const flow =
      options.priorityAndFairness === false
        ? undefined
        : new FlowControl({
            reader,
            clock,
            logger: options.logger.child("flow-control"),
            metrics,
            seats: maxReading + maxMutating,
            mandatory: mandatoryFlowControl(),
            extentOf: (resource) => cache.extent(resource),
          });
    if (flow) owned.use(flow);
    const levels = flow?.levels;
    server = createApiServer({
      ...options,
      checks: [...(options.checks ?? []), ...(encryption?.checks() ?? [])],
      limiter: flow ?? new MaxInFlight(maxReading, maxMutating),
      aggregator,
      custom,
      openapi,
      connectors: connector.handlers(),
      metrics,
      cache,
      authenticator: countAuthentication(authenticator, metrics, clock),
      authorizer,
      admission,
      registries,
      serverAddress: address,
      extra: (request) => (levels && dump(decode(request.path), request.query, levels.all(), clock)) ?? answerOpenId(request, openId),
      extraPaths: [...openId.keys()],
    });
    const fresh: BootstrapOptions = {
      rest: server.rest,
      resources: served,
      ...(options.features ? { features: options.features } : {}),
      serviceRanges,
      ...(options.advertise ? { advertise: options.advertise } : {}),
      ...(options.keepEndpoints === undefined ? {} : { keepEndpoints: options.keepEndpoints }),
      ...(options.clientCa ? { clientCa: options.clientCa } : {}),
      ...(options.frontProxy ? { frontProxy: options.frontProxy } : {}),
    };
    const { beginShutdown } = server;
    owned.defer(beginShutdown);
    await bootstrap(fresh);
    aggregator.watchAvailability(server.handler);
    owned.use(new DefinitionControllers({ reader, custom, handler: server.handler, clock, logger: options.logger.child("definitions") }));
    owned.use(new DanglingController({ reader, handler: server.handler, clock, random, logger: options.logger.child("flow-control") }));
    const logger = options.logger.child("service-repair");
    const events = new ServerEvents({
      events: cache.resource(definitionOf("events")),
      clock,
      random,
      logger,
      hostname: options.hostname ?? "",
      ttlSeconds: options.eventTtlSeconds ?? 3600,
    });
    const defaultRange = { reader, cidrs: cache.resource(definitionOf("servicecidrs")), events, clock, random, ranges: serviceRanges };
    owned.use(
      new Upkeep(clock, options.logger.child("upkeep"), {
        "system objects": () => restore(fresh),
        "flow control": () => keepFlowControl(fresh),
        "default ServiceCIDR": () => keepDefaultServiceCIDR(defaultRange),
      }),
    );
    if (options.hostname && server.endpoint("coordination.k8s.io", "v1", "leases")) {
      const identity = { handler: server.handler, clock, random, logger: options.logger.child("identity"), hostname: options.hostname };
      owned.use(await IdentityLease.start({ ...identity, ...(options.advertise ? { peerAddress: hostAndPort(host, port) } : {}) }));
    }
    const { nodePorts = defaultNodePorts, storeBytes } = options;
    showBuild(metrics);
    showFeatures(metrics, options.features);
    owned.use(new ConsistencyCheck({ cache, store: options.store, clock, random, logger: options.logger.child("consistency"), metrics }));
    observeState(metrics, { cache, serviceRanges, nodePorts, ...(storeBytes ? { storeBytes } : {}) });
    owned.use(
      new ServiceRepair({
        reader,
        addresses: cache.resource(definitionOf("ipaddresses")),
        events,
        clock,
        random,
        logger,
        nodePorts: options.nodePorts,
      }),
    );
    // Watches end before what they are of.
    owned.defer(beginShutdown);
    const ownUpgrades = orWatch(server.handler, connector.upgradeHandler(server.admit));
    return {
      server,
      cache,
      metrics,
      upgrades: { accepts: server.mayUpgrade, handler: aggregator.upgradeHandler(server.admit, ownUpgrades) },
      handshakeFailed: () => handshakes.value++,
      async trust(authorities) {
        trust(authorities);
        const { clientCa, frontProxyCa: ca } = authorities;
        if (clientCa) fresh.clientCa = clientCa;
        if (ca && fresh.frontProxy) fresh.frontProxy = { ...fresh.frontProxy, ca };
        await ensureAuthenticationConfig(fresh);
      },
      [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
    };
  } catch (error) {
    await owned[Symbol.asyncDispose]();
    throw error;
  }
}
