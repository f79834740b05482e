/**
 * Upstream's kube-proxy and CoreDNS in place of ours on a real cluster, and back again while an application runs: each time
 * Services are reached by cluster IP, NodePort and name from pods and from the node, over TCP and UDP, clients stay with
 * their endpoint, a Service without endpoints refuses, and a change arrives.
 *
 * Usage (root): sh conformance/own-machine.sh node conformance/services-interchange.ts
 *   --bin DIR        kube-proxy, coredns and kubectl @default /var/tmp/k8ts-judges/bin
 *   --images FILE    an archive with agnhost
 *   --only REGEX, --data-dir DIR, --port PORT
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "../tools/command-line.ts";
import { Checks, expect } from "./cluster/checks.ts";
import { Cluster, clusterFlags, until } from "./cluster/cluster.ts";
import { get } from "./cluster/http.ts";

const { values } = parseArgs({
  options: {
    ...clusterFlags,
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    images: { type: "string", default: "/var/tmp/k8ts-judges/images.tar" },
  },
});
const cluster = new Cluster({ ...values, kubectl: join(values.bin, "kubectl") });
const checks = new Checks("services-interchange", values.only);
const image = "registry.k8s.io/e2e-test-images/agnhost:2.63.0";
const node = "10.244.0.1";
const children: ChildProcess[] = [];

const pods = (name: string, args: string[], replicas: number): object => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: "c", image, args, readinessProbe: name === "server" ? { httpGet: { path: "/healthz", port: 8080 } } : undefined }],
      },
    },
  },
});
const service = (name: string, app: string, spec: object = {}): object => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: {
    selector: { app },
    ports: [
      { name: "http", port: 80, targetPort: 8080 },
      { name: "udp", protocol: "UDP", port: 81, targetPort: 8081 },
    ],
    ...spec,
  },
});
const application = [
  pods("server", ["netexec", "--http-port=8080", "--udp-port=8081"], 3),
  pods("client", ["pause"], 1),
  service("plain", "server"),
  service("sticky", "server", { sessionAffinity: "ClientIP" }),
  service("outside", "server", { type: "NodePort", externalTrafficPolicy: "Local", ports: [{ name: "http", port: 80, targetPort: 8080, nodePort: 30080 }] }),
  service("headless", "server", { clusterIP: "None" }),
  service("empty", "nobody"),
];

try {
  if (await checks.check("a cluster without our proxy and DNS comes up", up)) {
    await checks.check("upstream's kube-proxy and CoreDNS start", startUpstreams);
    await judge("upstream's");
    await checks.check("they end, ours take over", handOver);
    await judge("ours");
  }
} finally {
  for (const child of children) child.kill("SIGKILL");
  await checks.check("reset", () => cluster.reset().then(() => {}));
  checks.finish();
}

async function up(): Promise<void> {
  await cluster.up("--disable", "proxy,dns");
  const imported = await cluster.k8ts(["image", "import"], [values.images]);
  expect(imported.status === 0, imported.text);
  const file = join(cluster.dataDir, "application.json");
  writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", items: application }));
  await cluster.kubectl(`apply -f ${file}`);
  for (const name of ["server", "client"]) await cluster.kubectl(`rollout status deployment/${name} --timeout 90s`);
}

function startUpstreams(): void {
  const kubeconfig = (user: string): string => join(cluster.dataDir, "kubeconfig", `${user}.conf`);
  const corefile = join(cluster.dataDir, "Corefile");
  writeFileSync(
    corefile,
    `.:53 {
  bind ${node}
  errors
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${kubeconfig("dns")}
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
    ttl 30
  }
  forward . 127.0.0.1:5399
  loadbalance
}
`,
  );
  const start = (name: string, args: string[]): void => {
    const log = openSync(join(cluster.dataDir, `${name}.log`), "w");
    children.push(spawn(join(values.bin, name), args, { stdio: ["ignore", log, log] }));
    closeSync(log);
  };
  start("kube-proxy", [`--kubeconfig=${kubeconfig("proxy")}`, "--proxy-mode=nftables", "--cluster-cidr=10.244.0.0/24", "--conntrack-max-per-core=0"]);
  start("coredns", ["-conf", corefile]);
}

async function handOver(): Promise<void> {
  for (const child of children) child.kill("SIGTERM");
  for (const child of children) if (child.exitCode === null) await new Promise((resolve) => child.once("exit", resolve));
  const down = await cluster.k8ts(["down"]);
  expect(down.status === 0, down.text);
  for (const family of ["ip", "ip6"]) spawnSync("nft", ["delete", "table", family, "kube-proxy"]);
  await cluster.up();
  for (const name of ["server", "client"]) await cluster.kubectl(`rollout status deployment/${name} --timeout 90s`);
}

async function inPod(command: string, pod = "deploy/client"): Promise<string> {
  return (await cluster.kubectlResult(["exec", pod, "--", "sh", "-c", command], { limit: 60 })).text;
}
function distinct(lines: string): string[] {
  return [...new Set(lines.split("\n").filter((line) => line.startsWith("server-")))];
}
function dial(target: string, times: number): string {
  return `for i in $(seq ${times}); do curl -s -m 2 http://${target}/hostname; echo; done`;
}

async function judge(whose: string): Promise<void> {
  const check = (name: string, work: () => unknown): Promise<boolean> => checks.check(`${whose}: ${name}`, work);
  const addressOf = async (name: string): Promise<string> => (await cluster.json<{ spec: { clusterIP: string } }>(`get service ${name}`)).spec.clusterIP;
  await check("a pod reaches all endpoints of a Service by name", async () => {
    await until("all three were reached", 60, async () => distinct(await inPod(dial("plain.default.svc.cluster.local", 40))).length === 3);
  });
  await check("the node reaches them by cluster IP", async () => {
    const address = await addressOf("plain");
    const names = new Set<string>();
    for (let i = 0; i < 40; i++) names.add(await get(`http://${address}/hostname`));
    expect(names.size === 3, `it reached ${[...names].join(", ")}`);
  });
  await check("short names, PTR and SRV are resolved", async () => {
    const address = await addressOf("plain");
    const out = await inPod(`curl -s -m 2 http://plain/hostname; echo; dig +short SRV _http._tcp.plain.default.svc.cluster.local; dig +short -x ${address}`);
    expect(/server-/.test(out) && /80 plain\.default\.svc\.cluster\.local/.test(out) && /^plain\.default\.svc\.cluster\.local/m.test(out), out);
  });
  await check("a headless Service has the addresses of its pods", async () => {
    const out = await inPod("dig +short headless.default.svc.cluster.local");
    expect(out.split("\n").filter((line) => /^10\.244\./.test(line)).length === 3, out);
  });
  await check("UDP arrives", async () => {
    const out = await inPod("echo hostname | nc -u -w 2 plain 81");
    expect(/server-/.test(out), out);
  });
  await check("a client stays with its endpoint where it is asked for", async () => {
    const names = distinct(await inPod(dial("sticky", 20)));
    expect(names.length === 1, `it reached ${names.join(", ")}`);
  });
  await check("a NodePort with the policy Local answers", async () => {
    expect(/server-/.test(await get(`http://${node}:30080/hostname`)), "no answer");
  });
  await check("a Service without endpoints refuses at once", async () => {
    const out = await inPod("curl -s -m 5 http://empty/; echo status $?");
    expect(/status 7/.test(out), out);
  });
  await check("a pod reaches itself through its Service", async () => {
    const out = await inPod(dial("plain", 20), "deploy/server");
    expect(distinct(out).length === 3, out);
  });
  await check("fewer endpoints are fewer answers", async () => {
    await cluster.kubectl("scale deployment/server --replicas 1");
    await until("one alone is reached", 30, async () => distinct(await inPod(dial("plain", 10))).length === 1);
    await pause(1000);
    const out = await inPod(dial("plain", 20));
    expect(out.split("\n").filter((line) => line.startsWith("server-")).length === 20, out);
    await cluster.kubectl("scale deployment/server --replicas 3");
    await cluster.kubectl("rollout status deployment/server --timeout 60s");
  });
}
