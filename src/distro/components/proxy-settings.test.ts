import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { FlagError } from "./flag-error.ts";
import { parseFlags } from "./flags.ts";
import { component } from "./proxy.ts";
import { type ProxyFlags, type ProxySettings, proxySettings } from "./proxy-settings.ts";

const directory = mkdtempSync(join(tmpdir(), "k8ts-proxy-"));
after(() => rmSync(directory, { recursive: true }));
const flags = (...args: string[]): ProxyFlags => parseFlags(component, ["--kubeconfig=proxy.conf", ...args]) as ProxyFlags;
function fromFile(yaml: string, ...args: string[]): ProxySettings {
  const file = join(directory, "proxy.yaml");
  writeFileSync(file, `apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n${yaml}`);
  return proxySettings(flags(`--config=${file}`, ...args));
}
const refused = (work: () => unknown, ...patterns: RegExp[]): void =>
  assert.throws(work, (error: unknown) => error instanceof FlagError && patterns.every((pattern) => pattern.test(error.message)));

test("a configuration file as kubeadm writes it acts, field by field", () => {
  const settings = fromFile(`
bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection: {acceptContentTypes: "", burst: 0, contentType: "", kubeconfig: /var/lib/kube-proxy/kubeconfig.conf, qps: 0}
clusterCIDR: 10.128.0.0/9,fd00:1::/48
configSyncPeriod: 0s
conntrack: {maxPerCore: 1000, min: 2000, tcpBeLiberal: true, tcpCloseWaitTimeout: 30m, tcpEstablishedTimeout: 1h, udpStreamTimeout: 2m, udpTimeout: 10s}
detectLocal: {bridgeInterface: "", interfaceNamePrefix: veth}
detectLocalMode: InterfaceNamePrefix
enableProfiling: false
healthzBindAddress: "0.0.0.0:10356"
hostnameOverride: n7
iptables: {localhostNodePorts: null, masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
ipvs: {excludeCIDRs: null, minSyncPeriod: 0s, scheduler: "", strictARP: false, syncPeriod: 0s, tcpFinTimeout: 0s, tcpTimeout: 0s, udpTimeout: 0s}
logging: {flushFrequency: 0, options: {json: {infoBufferSize: "0"}, text: {infoBufferSize: "0"}}, verbosity: 0}
metricsBindAddress: "127.0.0.1:10349"
mode: nftables
nftables: {masqueradeAll: true, masqueradeBit: 3, minSyncPeriod: 2s, syncPeriod: 10s}
nodePortAddresses: [primary]
oomScoreAdj: -998
portRange: ""
showHiddenMetricsForVersion: ""
winkernel: {enableDSR: false, forwardHealthCheckVip: false, networkName: "", rootHnsEndpointName: "", sourceVip: ""}
`);
  assert.deepEqual(
    [settings.kubeconfig, settings["cluster-cidr"], settings["detect-local-mode"], settings["pod-interface-name-prefix"], settings["hostname-override"]],
    ["/var/lib/kube-proxy/kubeconfig.conf", ["10.128.0.0/9", "fd00:1::/48"], "InterfaceNamePrefix", "veth", "n7"],
  );
  assert.deepEqual([settings.masqueradeBit, settings["masquerade-all"], settings.syncPeriod, settings.minSyncPeriod], [3, true, 10_000, 2000]);
  assert.deepEqual(
    [settings["healthz-bind-address"], settings["nodeport-addresses"], settings["oom-score-adj"]],
    [{ host: "0.0.0.0", port: 10356 }, ["primary"], -998],
  );
  assert.deepEqual(
    [settings["conntrack-max-per-core"], settings["conntrack-min"], settings["conntrack-tcp-timeout-established"], settings["conntrack-udp-timeout"]],
    [1000, 2000, 3_600_000, 10_000],
  );
});
test("what the file does not say is as the flags say", () => {
  const settings = fromFile("mode: nftables\n", "--masquerade-all", "--nodeport-addresses=10.0.0.0/8", "--cluster-cidr=10.1.0.0/16");
  assert.deepEqual([settings["masquerade-all"], settings["nodeport-addresses"], settings["cluster-cidr"]], [true, ["10.0.0.0/8"], ["10.1.0.0/16"]]);
});
test("what is not done is refused, with the field and the reason", () => {
  refused(() => fromFile("clusterCIDR: 10.0.0.0/8\n"), /mode: set it to nftables/);
  refused(() => fromFile("mode: iptables\n"), /mode: "iptables" is not supported/);
  refused(() => fromFile("mode: nftables\nnftables: {masqueradeBit: 32}\n"), /nftables\.masqueradeBit: it must be a whole number from 0 to 31/);
  refused(() => fromFile("mode: nftables\nnftables: {minSyncPeriod: 40s}\n"), /syncPeriod: it must be at least/);
  refused(() => fromFile("mode: nftables\nipvs: {scheduler: rr}\nbindAddress: 10.0.0.1\n"), /ipvs.*nftables/, /bindAddress/);
  refused(() => fromFile("mode: nftables\ndetectLocalMode: Guess\n"), /detectLocalMode/);
  refused(() => fromFile("mode: nftables\ndetectLocalMode: BridgeInterface\n"), /--pod-bridge-interface/);
  refused(() => fromFile("mode: nftables\nnodePortAddresses: [primary, 10.0.0.0/8]\n"), /primary cannot be combined/);
  refused(() => fromFile("mode: nftables\noomScoreAdj: 2000\n"), /oomScoreAdj/);
  refused(() => fromFile("mode: nftables\nclusterCIDR: nonsense\n"), /clusterCIDR: "nonsense" is not a network/);
  refused(() => flags("--ipvs-scheduler=rr"), /neither iptables nor IPVS/);
});
