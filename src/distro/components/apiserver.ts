/** `k8ts apiserver`: the API server alone, over its embedded store. */
import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { hostname, networkInterfaces } from "node:os";
import { type AdmissionConfiguration, readAdmissionConfiguration } from "../../apiserver/admission/configuration.ts";
import { type AssembleOptions, assembleApiServer } from "../../apiserver/assemble.ts";
import { firstAddress } from "../../apiserver/bootstrap.ts";
import { healthOfPort } from "../../apiserver/outside/component-health.ts";
import { ConfigurationError } from "../../apiserver/configuration-file.ts";
import { ExternalSigner, SignerError } from "../../apiserver/authentication/external-signer/external-signer.ts";
import { signerSeries } from "../../apiserver/authentication/external-signer/metrics.ts";
import type { Encryption } from "../../apiserver/encryption/encryption.ts";
import { featureGates } from "../../apiserver/feature-gates.ts";
import { servedResources, withoutFlowControl } from "../../apiserver/runtime-config.ts";
import { listen } from "../../apiserver/http/listener.ts";
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { Metrics } from "../../base/metrics.ts";
import { systemRandom } from "../../base/random.ts";
import { compactRegularly } from "../../store/compactor.ts";
import { lmdbStore } from "../../store/lmdb.ts";
import { openEncryption } from "../encryption.ts";
import { foreground, untilStopped } from "../foreground.ts";
import { tracingFrom } from "./tracing-flags.ts";
import { bundleOf, followAuthorities } from "./authorities.ts";
import { auditFrom } from "./audit-flags.ts";
import { authenticationFrom, authenticationProblems } from "./authentication-flags.ts";
import { authorizationFrom } from "./authorization-flags.ts";
import { apiserverFlags, apiserverRefusals } from "./apiserver-flags.ts";
import { readCertificates, readPrivateKey } from "./files.ts";
import { flagTexts } from "./flag-texts.ts";
import { FlagError } from "./flag-error.ts";
import { defineComponent, type FlagValues } from "./flags.ts";
import { addProcessMetrics, processStart } from "./process-metrics.ts";
import { givenCertificate, keptCertificate, type ServingCertificate } from "./serving-certificate.ts";

type Flags = FlagValues<typeof apiserverFlags>;

/** Milliseconds that running requests get when the process is asked to stop. */
const drain = 10_000;

export const component = defineComponent({
  name: "apiserver",
  summary: "the API server alone, over an embedded store",
  description: "The Kubernetes API over an embedded store. Flags are kube-apiserver's; --data-dir stands for --etcd-servers.",
  examples: [
    "k8ts apiserver --data-dir=/var/lib/k8ts-apiserver --client-ca-file=ca.crt \\",
    "  --tls-cert-file=apiserver.crt --tls-private-key-file=apiserver.key \\",
    "  --service-account-issuer=https://kubernetes.default.svc.cluster.local --service-account-signing-key-file=sa.key",
  ],
  flags: apiserverFlags,
  refused: apiserverRefusals,
  run,
});

/** Everything that can be known without opening the store. Throws FlagError. */
export function optionsFrom(flags: Flags): Omit<AssembleOptions, "clock" | "random" | "logger" | "store"> {
  const problems = authenticationProblems(flags);
  const ranges = flags["service-cluster-ip-range"];
  if (ranges.length > 2 || new Set(ranges.map((range) => range.includes(":"))).size !== ranges.length)
    problems.push("--service-cluster-ip-range: at most one network of each IP family");
  const overlap = flags["enable-admission-plugins"].filter((name) => flags["disable-admission-plugins"].includes(name));
  if (overlap.length) problems.push(`${overlap.join(", ")} in --enable-admission-plugins and --disable-admission-plugins overlapped`);
  if (flags["enable-priority-and-fairness"] && flags["max-requests-inflight"] + flags["max-mutating-requests-inflight"] === 0)
    problems.push("--max-requests-inflight and --max-mutating-requests-inflight must not both be 0 with --enable-priority-and-fairness");
  const kubelet = kubeletFrom(flags, problems);
  const proxyClient = proxyClientFrom(flags, problems);
  const authorization = authorizationFrom(flags, problems);
  if (flags["encryption-provider-config-automatic-reload"] && !flags["encryption-provider-config"])
    problems.push("--encryption-provider-config-automatic-reload must be set with --encryption-provider-config");
  const isOn = featureGates(flags["feature-gates"]);
  const resources = resourcesFrom(flags, isOn, problems);
  if (problems.length) throw new FlagError(problems, "see `k8ts apiserver --help`");
  return {
    // Whom everything is allowed must at least say who they are.
    ...authenticationFrom(flags, !authorization.authorizers.some(({ type }) => type === "AlwaysAllow")),
    authorization,
    enabledPlugins: flags["enable-admission-plugins"],
    disabledPlugins: flags["disable-admission-plugins"],
    ...(flags["admission-control-config-file"] ? { admissionConfiguration: admissionFrom(flags["admission-control-config-file"]) } : {}),
    tolerations: { notReadySeconds: flags["default-not-ready-toleration-seconds"], unreachableSeconds: flags["default-unreachable-toleration-seconds"] },
    serviceRanges: ranges,
    nodePorts: flags["service-node-port-range"],
    maxReading: flags["max-requests-inflight"],
    maxMutating: flags["max-mutating-requests-inflight"],
    priorityAndFairness: flags["enable-priority-and-fairness"],
    requestTimeoutSeconds: flags["request-timeout"] / 1000,
    cbor: isOn("CBORServingAndStorage"),
    resources,
    features: isOn,
    minWatchSeconds: flags["min-request-timeout"],
    eventTtlSeconds: Math.floor(flags["event-ttl"] / 1000),
    advertise: { address: advertised(flags), port: flags["secure-port"] },
    externalHost: flags["external-hostname"],
    ...(flags["network-policies-enforced"] ? { enforcedElsewhere: ["networkpolicies.networking.k8s.io"] } : {}),
    keepEndpoints: flags["endpoint-reconciler-type"] !== "none",
    ...(kubelet ? { kubelet } : {}),
    aggregatorRouting: flags["enable-aggregator-routing"],
    ...(proxyClient ? { aggregatorClient: proxyClient } : {}),
  };
}

function resourcesFrom(flags: Flags, isOn: (gate: string) => boolean, problems: string[]): AssembleOptions["resources"] {
  const config = flags["runtime-config"];
  const conflict = flags["enable-priority-and-fairness"] ? withoutFlowControl(config) : undefined;
  if (conflict) problems.push(conflict);
  try {
    return servedResources(config, isOn);
  } catch (error) {
    problems.push(`--runtime-config: ${(error as Error).message}`);
    return undefined;
  }
}

function kubeletFrom(flags: Flags, problems: string[]): AssembleOptions["kubelet"] {
  const given = { ca: flags["kubelet-certificate-authority"], cert: flags["kubelet-client-certificate"], key: flags["kubelet-client-key"] };
  if (!given.ca && !given.cert && !given.key) return undefined;
  if (!given.ca || !given.cert || !given.key) {
    problems.push(
      "--kubelet-certificate-authority, --kubelet-client-certificate and --kubelet-client-key must be given together: an unverified kubelet is not spoken to",
    );
    return undefined;
  }
  return {
    ca: readCertificates(given.ca, "--kubelet-certificate-authority"),
    cert: readCertificates(given.cert, "--kubelet-client-certificate"),
    key: readPrivateKey(given.key, "--kubelet-client-key"),
  };
}

function proxyClientFrom(flags: Flags, problems: string[]): AssembleOptions["aggregatorClient"] {
  const given = { cert: flags["proxy-client-cert-file"], key: flags["proxy-client-key-file"] };
  if (!given.cert && !given.key) return undefined;
  if (!given.cert || !given.key) {
    problems.push("--proxy-client-cert-file and --proxy-client-key-file must be given together");
    return undefined;
  }
  return { cert: readCertificates(given.cert, "--proxy-client-cert-file"), key: readPrivateKey(given.key, "--proxy-client-key-file") };
}

const unspecified = new Set(["0.0.0.0", "::"]);

function advertised(flags: Flags): string {
  if (flags["advertise-address"]) return flags["advertise-address"];
  const bound = flags["bind-address"];
  if (!unspecified.has(bound)) return bound;
  const outside = Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).filter((one) => !one.internal && one.family === "IPv4"));
  return outside[0]?.address ?? "127.0.0.1";
}

/** With what follows from the other flags where one was not given. */
function told(flags: Flags): Record<string, string> {
  const address = advertised(flags);
  return { ...flagTexts(apiserverFlags, flags), "advertise-address": address, "external-hostname": flags["external-hostname"] || address };
}

function certificateOf(flags: Flags, clusterIPs: readonly string[]): Promise<ServingCertificate> | ServingCertificate {
  const given = givenCertificate(flags["tls-cert-file"], flags["tls-private-key-file"]);
  if (given) return given;
  const directory = flags["cert-dir"] || join(flags["data-dir"], "pki");
  const { "external-hostname": external, "bind-address": bound } = flags;
  const dns = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost", ...(external ? [external] : [])];
  const ip = new Set(["127.0.0.1", advertised(flags), ...(unspecified.has(bound) ? [] : [bound]), ...clusterIPs]);
  return keptCertificate(resolve(directory), "apiserver", { dns, ip: [...ip] }, systemClock);
}

async function signerOf(flags: Flags, metrics: Metrics, logger: Logger): Promise<ExternalSigner | undefined> {
  const endpoint = flags["service-account-signing-endpoint"];
  if (!endpoint) return undefined;
  try {
    const signer = await ExternalSigner.open({ endpoint, clock: systemClock, logger: logger.child("signer"), series: signerSeries(metrics, systemClock) });
    signer.longest(Math.floor(flags["service-account-max-token-expiration"] / 1000));
    return signer;
  } catch (error) {
    if (error instanceof SignerError) throw new FlagError([`--service-account-signing-endpoint: ${error.message}`]);
    throw error;
  }
}

async function encryptionOf(flags: Flags, metrics: Metrics, logger: Logger): Promise<Encryption | undefined> {
  const { "encryption-provider-config": file, "encryption-provider-config-automatic-reload": reload } = flags;
  if (!file) return undefined;
  try {
    return await openEncryption({ file, reload, metrics, logger });
  } catch (error) {
    if (error instanceof ConfigurationError) throw new FlagError([`--encryption-provider-config: ${error.message}`]);
    throw error;
  }
}

async function run(flags: Flags): Promise<void> {
  const options = optionsFrom(flags);
  const { logger, signal } = foreground("apiserver", flags.v);
  if (flags["anonymous-auth"] !== false && !options.jwt?.configuration.anonymous && !options.anonymous?.enabled)
    logger.warn("anonymous requests are refused, because everything is allowed (AlwaysAllow)");
  const tls = await certificateOf(flags, (options.serviceRanges ?? []).map(firstAddress));
  const audit = auditFrom(flags, logger);
  await using _sinks = audit?.sinks;
  const metrics = new Metrics();
  await using encryption = await encryptionOf(flags, metrics, logger);
  await using signer = await signerOf(flags, metrics, logger);
  await using tracing = tracingFrom(flags, logger);
  const directory = join(resolve(flags["data-dir"]), "store");
  await using store = await lmdbStore({ directory, clock: systemClock });
  await using api = await assembleApiServer({
    ...options,
    hostname: hostname(),
    components: new Map([
      ["controller-manager", healthOfPort(10257)],
      ["scheduler", healthOfPort(10259)],
    ]),
    described: { started: processStart(systemClock), flags: told(flags) },
    storeBytes: () => statSync(join(directory, "store.mdb")).size,
    clock: systemClock,
    random: systemRandom,
    logger,
    store,
    metrics,
    ...(encryption ? { encryption } : {}),
    ...(signer ? { serviceAccountSigner: signer, maxTokenSeconds: signer.longest(options.maxTokenSeconds ?? 0) } : {}),
    ...(audit ? { auditor: audit.auditor } : {}),
    ...(tracing ? { tracer: tracing.tracer } : {}),
  });
  addProcessMetrics(api.metrics, systemClock);
  const first = { ...(options.clientCa ? { clientCa: options.clientCa } : {}), ...(options.frontProxy ? { frontProxyCa: options.frontProxy.ca } : {}) };
  const authorities = bundleOf(first);
  const listener = await listen({
    handler: api.server.handler,
    upgrades: api.upgrades,
    handshakeFailed: api.handshakeFailed,
    maxStreams: flags["http2-max-streams-per-connection"],
    http2: !flags["disable-http2-serving"],
    tls: { ...tls, ...(authorities ? { clientCa: authorities } : {}) },
    host: flags["bind-address"],
    port: flags["secure-port"],
    clock: systemClock,
    logger,
    ...(audit ? { beforeFlush: () => audit.auditor.flush() } : {}),
  });
  const interval = flags["etcd-compaction-interval"];
  const compacting = interval > 0 ? compactRegularly({ store, clock: systemClock, logger: logger.child("store"), intervalMs: interval, signal }) : undefined;
  const following = followAuthorities({
    files: { clientCa: flags["client-ca-file"], frontProxyCa: flags["requestheader-client-ca-file"] },
    first,
    logger: logger.child("authorities"),
    signal,
    trust: (changed) => api.trust(changed),
    show: (clientCa) => listener.replaceTls({ ...tls, clientCa }),
  });
  logger.info("serving", { address: flags["bind-address"], port: listener.port });
  await untilStopped(signal);
  api.server.beginShutdown();
  await compacting;
  await following;
  await listener.close(drain);
}

function admissionFrom(path: string): AdmissionConfiguration {
  try {
    return readAdmissionConfiguration(path);
  } catch (error) {
    if (error instanceof ConfigurationError) throw new FlagError([`--admission-control-config-file: ${error.message}`]);
    throw error;
  }
}
