/** `k8ts dns`: the cluster's DNS server alone, against any API server. */
import { systemClock } from "../../base/clock.ts";
import { Metrics } from "../../base/metrics.ts";
import { systemRandom } from "../../base/random.ts";
import { createInformerFactory, withoutManagedFields } from "../../client/factory.ts";
import { nameServers, serverAddress } from "../../dns/forward.ts";
import { dnsMetrics } from "../../dns/metrics.ts";
import { DNSServer } from "../../dns/server.ts";
import { createZoneView } from "../../dns/view.ts";
import { Zone } from "../../dns/zone.ts";
import { foreground, untilStopped } from "../foreground.ts";
import { kubeconfigFlags, verbosity } from "./common-flags.ts";
import { clientFrom, connection } from "./connect.ts";
import { FlagError } from "./flag-error.ts";
import { endpoint, file, ip, list, port, repeated, text } from "./flag-types.ts";
import { defineComponent, type FlagValues } from "./flags.ts";
import { startHealthServer } from "./health-server.ts";

const flags = {
  ...verbosity,
  ...kubeconfigFlags,
  "bind-address": ip("address that is listened on, UDP and TCP", "127.0.0.1"),
  port: port("port that is listened on", 53),
  "cluster-domain": text("domain of the cluster", "cluster.local"),
  upstream: list("addresses of name servers for all other names, with a port where it is not 53; without one those of --resolv-conf"),
  "stub-domain": repeated("DOMAIN=ADDRESS[,ADDRESS...]: name servers for the names of one domain"),
  "resolv-conf": file("resolv.conf(5) with the name servers for all other names", "/etc/resolv.conf"),
  "healthz-bind-address": endpoint("address of /health and /ready (and /healthz, /readyz); port 0: none", "127.0.0.1", 8080),
  "metrics-bind-address": endpoint("address of /metrics; port 0: none", "127.0.0.1", 9153),
} as const;

export const component = defineComponent({
  name: "dns",
  summary: "the cluster's DNS server alone",
  description: "Answers the cluster's names (Kubernetes DNS-Based Service Discovery 1.1.0) from any Kubernetes v1.36 API server, and forwards the rest.",
  examples: ["k8ts dns --kubeconfig=dns.conf --bind-address=10.244.0.1", "k8ts dns --kubeconfig=dns.conf --port=5353 --upstream=192.0.2.53"],
  flags,
  refused: [],
  run,
});

const plain = "text/plain; charset=utf-8";

function checked(flag: string, server: string): string {
  try {
    serverAddress(server);
    return server;
  } catch (error) {
    throw new FlagError([`${flag}: ${(error as Error).message}`]);
  }
}

function stubs(given: readonly string[]): Map<string, readonly string[]> {
  return new Map(
    given.map((text) => {
      const [domain = "", servers = ""] = text.split("=");
      const addresses = servers.split(",").filter(Boolean);
      if (!domain || addresses.length === 0)
        throw new FlagError([`--stub-domain: ${JSON.stringify(text)} is not DOMAIN=ADDRESS[,ADDRESS...] such as example.org=192.0.2.53`]);
      return [domain.toLowerCase().replace(/^\.|\.$/g, ""), addresses.map((one) => checked("--stub-domain", one))];
    }),
  );
}

async function run(given: FlagValues<typeof flags>): Promise<void> {
  const address = given["bind-address"];
  const client = clientFrom(connection(given.kubeconfig), "k8ts-dns");
  let upstreams: string[];
  try {
    upstreams = given.upstream.length ? [...given.upstream] : nameServers(given["resolv-conf"], given.port === 53 ? [address] : []);
  } catch (error) {
    throw new FlagError([`--resolv-conf: ${(error as Error).message}`]);
  }
  const stubDomains = stubs(given["stub-domain"]);
  for (const server of given.upstream) checked("--upstream", server);
  const { logger, signal } = foreground("dns", given.v);
  const metrics = new Metrics();
  const counted = dnsMetrics(metrics, `${address}:${given.port}`, address.includes(":") ? "2" : "1");
  const informers = createInformerFactory({ client, clock: systemClock, logger, random: systemRandom, project: withoutManagedFields });
  const dns = new DNSServer({
    zone: new Zone(given["cluster-domain"], createZoneView(informers), [address]),
    address,
    port: given.port,
    upstreams,
    clock: systemClock,
    logger,
    stubDomains,
    metrics: counted,
  });
  let synced = false;
  await using _health = await startHealthServer({
    ...given["healthz-bind-address"],
    checks: () => [{ name: "kubernetes", check: () => (synced ? undefined : "the cluster is not known yet") }],
    answers: {
      health: () => ({ status: 200, body: "OK", type: plain }),
      ready: () => (synced ? { status: 200, body: "OK", type: plain } : { status: 503, body: "kubernetes", type: plain }),
    },
    logger,
  });
  await using _metrics = await startHealthServer({ ...given["metrics-bind-address"], metrics, logger });
  informers.start(signal);
  // Before the cluster is known, its names would seem not to exist.
  await informers.synced(signal).catch(() => {});
  if (!signal.aborted) {
    await dns.start();
    synced = true;
    logger.info("serving", { address, port: given.port, domain: given["cluster-domain"] });
  }
  await untilStopped(signal);
  await dns[Symbol.asyncDispose]();
  await client.transport[Symbol.asyncDispose]();
}
