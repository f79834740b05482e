/**
 * The CSI project's own host path driver and its sidecars on a real cluster: registration, dynamic provisioning, attachment,
 * mounting, growth, raw blocks, inline and generic ephemeral volumes, a kubelet and a driver that are killed, and that nothing
 * is left. The driver and the sidecars run as programs of the machine.
 *
 * Usage (root): sh conformance/own-machine.sh node conformance/csi.ts --bin DIR
 *   --bin DIR       hostpathplugin, csi-node-driver-registrar, csi-provisioner, csi-attacher, csi-resizer (node conformance/build.ts)
 *   --images FILE   archive of the specs' images; for busybox
 *   --logs DIR      what the driver and the sidecars have written
 *   --slow          also a driver that hangs: two minutes
 *   --only REGEX, --kubectl FILE, --data-dir DIR, --port PORT
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { misused, parseArgs } from "../tools/command-line.ts";
import { Checks, expect, expectText } from "./cluster/checks.ts";
import { Background, Cluster, clusterFlags, until } from "./cluster/cluster.ts";
import * as manifests from "./csi/manifests.ts";

const { values } = parseArgs({
  options: {
    ...clusterFlags,
    bin: { type: "string", default: "/var/tmp/k8ts-judges/bin" },
    images: { type: "string", default: "/var/tmp/k8ts-judges/images.tar" },
    logs: { type: "string" },
    slow: { type: "boolean", default: false },
  },
});
const cluster = new Cluster(values);
const checks = new Checks("csi", values.only);
const kubelet = join(cluster.dataDir, "kubelet");
const state = join(cluster.dataDir, "..", "csi-state");
const socket = join(kubelet, "plugins/hostpath/csi.sock");
const { driver } = manifests;
const programs = new Map<string, Background>();

const program = (name: string): string => join(values.bin, name);
const apply = (documents: readonly object[]): Promise<string> =>
  cluster.kubectl("apply -f -", { input: documents.map((document) => JSON.stringify(document)).join("\n---\n") });
const ready = (pod: string, seconds = 30): Promise<string> => cluster.kubectl(`wait --for=condition=Ready pod/${pod} --timeout=${seconds}s`);
const exec = (pod: string, command: string): Promise<string> =>
  cluster.kubectlResult(["exec", pod, "--", "sh", "-c", command]).then(({ status, stdout, text }) => (status === 0 ? stdout : Promise.reject(new Error(text))));
const field = (what: string, path: string): Promise<string> => cluster.kubectl(`get ${what} -o jsonpath={${path}}`);
const events = (object: string): Promise<string> =>
  cluster.kubectl(`get events --field-selector involvedObject.name=${object} -o custom-columns=:reason,:message`);
const volumesOfDriver = (): string[] => readdirSync(state).filter((name) => !name.endsWith(".json"));
const mounts = (): string[] =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point.startsWith(`${kubelet}/`));

function startDriver(): void {
  rmSync(socket, { force: true });
  const node = [
    "--drivername",
    driver,
    "--endpoint",
    `unix://${socket}`,
    "--nodeid",
    "node-of-the-judge",
    "--statedir",
    state,
    "--enable-attach",
    "--maxvolumespernode",
    "20",
  ];
  programs.set("driver", new Background(program("hostpathplugin"), [...node, "--v", "5"]));
}
function startRegistrar(): void {
  const args = ["--csi-address", socket, "--kubelet-registration-path", socket, "--plugin-registration-path", join(kubelet, "plugins_registry")];
  programs.set("registrar", new Background(program("csi-node-driver-registrar"), args));
}
/** Those that do not run: they end when they notice that their driver was lost, and whoever runs them starts them again. */
function startSidecars(): void {
  const args = ["--csi-address", socket, "--kubeconfig", cluster.kubeconfig, "--v", "5"];
  for (const [name, more] of [
    ["provisioner", []],
    ["attacher", []],
    ["resizer", ["--handle-volume-inuse-error=false"]],
  ] as const) {
    const running = programs.get(name);
    if (!running || running.child.exitCode !== null || running.child.signalCode !== null)
      programs.set(name, new Background(program(`csi-${name}`), [...args, ...more]));
  }
}
async function stop(name: string, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  const running = programs.get(name);
  if (!running || running.child.exitCode !== null || running.child.signalCode !== null) return;
  const ended = new Promise((done) => running.child.once("exit", done));
  running.child.kill(signal);
  await ended;
}
/** The agent itself, not the loop over it, which starts it again. */
async function killAgent(): Promise<void> {
  const loop = cluster.pid("agent");
  const [agent] = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter(
      (name) =>
        existsSync(`/proc/${name}/stat`) &&
        readFileSync(`/proc/${name}/stat`, "utf8")
          .replace(/^.*\) \S /, "")
          .startsWith(`${loop} `),
    );
  expect(agent, "the agent is not running");
  process.kill(Number(agent), "SIGKILL");
}

const missing = ["hostpathplugin", "csi-node-driver-registrar", "csi-provisioner", "csi-attacher", "csi-resizer"].filter((name) => !existsSync(program(name)));
if (missing.length) misused(`${values.bin} has no ${missing.join(", ")}: make them with node conformance/build.ts`);

try {
  const up =
    (await checks.check("up", () => cluster.up().then(() => {}))) &&
    (await checks.check("images", async () => expect((await cluster.k8ts(["image", "import"], [values.images])).status === 0, "the images were not taken")));
  if (up) await judge();
} finally {
  for (const name of programs.keys()) await stop(name);
  if (values.logs) for (const [name, { text }] of programs) writeFileSync(join(values.logs, `${name}.log`), text);
  await checks.check("reset", () => cluster.reset().then(() => {}));
  rmSync(state, { recursive: true, force: true });
  checks.finish();
}

async function judge(): Promise<void> {
  mkdirSync(join(kubelet, "plugins/hostpath"), { recursive: true });
  mkdirSync(state, { recursive: true });
  await until("the default service account", 20, () => cluster.kubectl("get serviceaccount default"));
  const node = await field("node", ".items[0].metadata.name");
  await apply([manifests.csiDriver, manifests.storageClass, manifests.immediateClass]);
  startDriver();
  startRegistrar();
  startSidecars();

  await checks.check("the driver is in the CSINode with its id, its limit and its topology, and the node bears its label", async () => {
    await until("the driver in the CSINode", 20, async () => (await field(`csinode ${node}`, ".spec.drivers[*].name")) === driver);
    expectText(await field(`csinode ${node}`, ".spec.drivers[0]"), '"nodeID":"node-of-the-judge"', '"count":20', '"topology.hostpath.csi/node"');
    expectText(await field(`node ${node}`, ".metadata.labels"), '"topology.hostpath.csi/node":"node-of-the-judge"');
    expectText(await field(`node ${node}`, ".metadata.annotations"), "csi.volume.kubernetes.io/nodeid");
  });
  const provisioned = await checks.check("a claim is provisioned for its first pod, attached, mounted, given to the pod's group, and written to", async () => {
    await apply([manifests.claim("data"), manifests.pod("writer", { claim: "data", group: 1234 })]);
    await ready("writer");
    await exec("writer", "echo hello > /data/file && sync");
    expectText(await exec("writer", "ls -lan /data"), /-rw-r--r--\s+1 0\s+1234 .* file/);
    expectText(await field("volumeattachment", ".items[*].status.attached"), "true");
    expectText(await field(`node ${node}`, ".status.volumesInUse"), `kubernetes.io/csi/${driver}^`);
    expectText(await field(`node ${node}`, ".status.volumesAttached"), `kubernetes.io/csi/${driver}^`);
  });
  if (!provisioned) return;
  await checks.check("a second pod of the node shares it", async () => {
    await apply([manifests.pod("reader", { claim: "data", readOnly: true })]);
    await ready("reader");
    expect((await exec("reader", "cat /data/file")).trim() === "hello", "the file is not there");
    await cluster.kubectl("delete pod reader --wait");
    expect((await exec("writer", "cat /data/file")).trim() === "hello", "the volume went with the second pod");
  });
  await checks.check("a kubelet that is killed takes over what is mounted", async () => {
    await killAgent();
    await until("the kubelet", 30, async () => (await exec("writer", "cat /data/file")).trim() === "hello");
    await until("the driver in the CSINode", 20, async () => (await field(`csinode ${node}`, ".spec.drivers[*].name")) === driver);
    expectText(await field(`node ${node}`, ".status.volumesInUse"), `kubernetes.io/csi/${driver}^`);
  });
  await checks.check("the volume grows while it is used", async () => {
    await cluster.kubectl(`patch pvc data -p '{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}'`);
    await until("the claim's new size", 120, async () => (await field("pvc data", ".status.capacity.storage")) === "2Gi");
    expect((await field("pvc data", ".status.conditions")) === "", "conditions are left on the claim");
    expectText(await events("data"), "FileSystemResizeSuccessful");
  });
  await checks.check("a claim for one pod alone keeps a second one waiting", async () => {
    await apply([manifests.claim("single", { accessModes: ["ReadWriteOncePod"] }), manifests.pod("first", { claim: "single" })]);
    await ready("first");
    await apply([manifests.pod("second", { claim: "single" })]);
    await until("the second pod's reason", 20, async () => /ReadWriteOncePod/.test(await field("pod second", ".status.conditions[*].message")));
    await cluster.kubectl("delete pod first --wait");
    await ready("second", 60);
    await cluster.kubectl("delete pod second --wait");
    await cluster.kubectl("delete pvc single --wait");
  });
  await checks.check("a raw block volume is a device in the container", async () => {
    await apply([
      manifests.claim("raw", { volumeMode: "Block", storageClassName: manifests.immediateClass.metadata.name }),
      manifests.pod("block", { block: "raw" }),
    ]);
    await ready("block");
    await exec("block", "echo raw-content | dd of=/dev/disk conv=sync,fsync bs=512 2>/dev/null");
    expectText(await exec("block", "head -c 11 /dev/disk"), "raw-content");
    await cluster.kubectl("delete pod block --wait");
    await apply([manifests.pod("block", { block: "raw" })]);
    await ready("block");
    expectText(await exec("block", "head -c 11 /dev/disk"), "raw-content");
    await cluster.kubectl("delete pod block --wait");
    await cluster.kubectl("delete pvc raw --wait");
  });
  await checks.check("an inline volume lives as long as its pod", async () => {
    const before = volumesOfDriver().length;
    await apply([manifests.pod("inline", { inline: true, group: 77 })]);
    await ready("inline");
    await exec("inline", "echo x > /data/x");
    expect(volumesOfDriver().length === before + 1, "the driver has no volume for it");
    await cluster.kubectl("delete pod inline --wait");
    await until("the driver's volume to go", 20, () => volumesOfDriver().length === before);
  });
  await checks.check("a generic ephemeral volume is made and goes with its pod", async () => {
    const before = volumesOfDriver().length;
    await apply([manifests.pod("ephemeral", { ephemeral: true })]);
    await ready("ephemeral");
    await exec("ephemeral", "echo x > /data/x");
    await cluster.kubectl("delete pod ephemeral --wait");
    await until("its claim to go", 60, async () => !(await cluster.kubectl("get pvc -o name")).includes("ephemeral"));
    await until("the driver's volume to go", 60, () => volumesOfDriver().length === before);
  });
  await checks.check("a driver that is killed harms no pod; what needs it waits until it is back", async () => {
    await apply([manifests.pod("waiter", { claim: "data" })]);
    await ready("waiter");
    await stop("driver");
    expect((await exec("writer", "cat /data/file")).trim() === "hello", "a running pod lost its volume");
    await cluster.kubectl("delete pod waiter --wait=false");
    await apply([manifests.pod("late", { inline: true })]);
    await until("the reason of the new pod", 30, async () => /FailedMount/.test(await events("late")));
    expectText(await cluster.kubectl("get pod waiter -o name"), "pod/waiter");
    startDriver();
    startSidecars();
    await until("the deleted pod to go", 60, async () => !(await cluster.kubectl("get pods -o name")).includes("pod/waiter"));
    await ready("late", 90);
    await cluster.kubectl("delete pod late --wait");
  });
  if (values.slow)
    await checks.check("a driver that hangs is given up after two minutes, and asked again", async () => {
      programs.get("driver")?.child.kill("SIGSTOP");
      await apply([manifests.pod("hung", { inline: true }), manifests.pod("other", {})]);
      await ready("other");
      await until("the reason", 150, async () => /FailedMount.*(context deadline exceeded|DeadlineExceeded)/.test(await events("hung")));
      programs.get("driver")?.child.kill("SIGCONT");
      await ready("hung", 60);
      await cluster.kubectl("delete pod hung other --wait");
    });
  await checks.check("everything goes: pods, claims, volumes, attachments, mounts, files", async () => {
    await cluster.kubectl("delete pod --all --wait");
    await cluster.kubectl("delete pvc --all --wait");
    await until("the volumes to go", 90, async () => {
      startSidecars();
      return (await cluster.kubectl("get pv,volumeattachment -o name")) === "";
    });
    await until("the driver's volumes to go", 20, () => {
      expect(volumesOfDriver().length === 0, `the driver has ${volumesOfDriver().join(", ")}`);
      return true;
    });
    await until("the node to use none", 20, async () => (await field(`node ${node}`, ".status.volumesInUse")) === "");
    expect(mounts().length === 0, `mounts are left: ${mounts().join(", ")}`);
    const left = readdirSync(kubelet, { recursive: true, encoding: "utf8" }).filter(
      (path) =>
        /^(pods|plugins\/kubernetes\.io\/csi)\/./.test(path) &&
        !path.endsWith(driver) &&
        !path.endsWith("volumeDevices") &&
        !/volumeDevices\/(staging|publish)$/.test(path),
    );
    expect(left.length === 0, `files are left: ${left.join(", ")}`);
  });
  await checks.check("a driver that leaves is taken from the CSINode and the node", async () => {
    await stop("registrar", "SIGTERM");
    await until("the CSINode to be empty", 20, async () => (await field(`csinode ${node}`, ".spec.drivers[*].name")) === "");
    expect(!(await field(`node ${node}`, ".metadata.annotations")).includes("csi.volume.kubernetes.io/nodeid"), "the node's annotation is left");
  });
}
