/**
 * What goes wrong at the terminal: each is one clear sentence on standard error, a status other than 0, nothing left behind.
 * And at the API: upstream's Status, code and text (the expected ones can be asked of a real kube-apiserver with --peer).
 *
 * Usage (root): sh conformance/own-machine.sh node conformance/bad-input.ts
 *   --peer KUBECONFIG   asks that server, too
 *   --only REGEX, --kubectl FILE, --data-dir DIR, --port PORT: as in web-application.ts
 */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "../tools/command-line.ts";
import { badRequests, type Connection, connectionOf } from "./cluster/bad-requests.ts";
import { Checks, expect, expectText } from "./cluster/checks.ts";
import { Cluster, clusterFlags, launcher, type Result, run, type RunOptions } from "./cluster/cluster.ts";

const { values } = parseArgs({ options: { ...clusterFlags, peer: { type: "string" } } });
const cluster = new Cluster(values);
const checks = new Checks("bad-input", values.only);
const scratch = mkdtempSync(join(tmpdir(), "k8ts-bad-input-"));
const simulate = ["--simulate", "--port", values.port];
const example = resolve(import.meta.dirname, "../examples/web-application/web-application.yaml");

/** One sentence: a line on standard error, no stack, and the status. */
function refused(result: Result, status: number, ...wanted: (string | RegExp)[]): void {
  expect(result.status === status, `status ${result.status} instead of ${status}: ${result.text}`);
  expectText(result.stderr, ...wanted);
  const lines = result.stderr.trim().split("\n");
  expect(lines.length <= 2 && !/^\s+at /m.test(result.stderr), `more than a sentence: ${result.stderr}`);
}
const ours = (): string[] =>
  readdirSync("/proc").flatMap((pid) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ");
      return /^\d+$/.test(pid) && Number(pid) !== process.pid && command.includes(`${cluster.dataDir}/`) ? [command] : [];
    } catch {
      return [];
    }
  });
const nothingRuns = (): void => expect(ours().length === 0, `still running: ${ours().join("; ")}`);
const k8ts = (args: string[], options: RunOptions = {}): Promise<Result> => run(launcher, args, { limit: 120, ...options });

/** A PATH with everything of the machine but what `without` names, and with the given scripts before it. */
function fakePath(without: string[], scripts: Record<string, string>): NodeJS.ProcessEnv {
  const directory = mkdtempSync(join(scratch, "path-"));
  for (const place of ["/usr/bin", "/bin", "/usr/sbin", "/sbin"])
    for (const name of readdirSync(place))
      if (!without.includes(name) && !(name in scripts) && !existsSync(join(directory, name))) symlinkSync(join(place, name), join(directory, name));
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(directory, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, name), 0o755);
  }
  return { ...process.env, PATH: directory };
}

async function commandLine(): Promise<void> {
  await checks.check("up without root names the two ways on", async () => {
    const result = await run("setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", launcher, "up", "--data-dir", join(scratch, "nobody")], {
      env: { ...process.env, NODE_COMPILE_CACHE: "" },
    });
    refused(result, 1, "sudo k8ts up", "k8ts up --simulate");
    expect(!existsSync(join(scratch, "nobody")), "a data directory was made");
  });
  await checks.check("unknown flags, commands and wrong values", async () => {
    refused(await k8ts(["up", "--prot", "1"]), 1, "unknown option '--prot'", "Did you mean --port?");
    refused(await k8ts(["upp"]), 1, "unknown command 'upp'", "Did you mean up?");
    refused(await k8ts(["up", "--port", "70000"]), 1, "a port is a number from 1 to 65535");
    refused(await k8ts(["up", "--pod-cidr", "10.0.0.0/99"]), 1, "10.0.0.0/99 is not an IPv4 network such as 10.244.0.0/24");
    refused(
      await cluster.k8ts(["up"], [...simulate, "--pod-cidr", "10.244.0.9/24"]),
      1,
      "--pod-cidr 10.244.0.9/24 has bits beyond its prefix: the network is 10.244.0.0/24",
    );
    refused(await cluster.k8ts(["up"], [...simulate, "--pod-cidr", "10.96.3.0/24"]), 1, "overlap");
    refused(await cluster.k8ts(["up"], [...simulate, "--node-name", "Not_A_Name"]), 1, '--node-name "Not_A_Name" is no DNS name');
    refused(await cluster.k8ts(["up"], [...simulate, "--stage", join(scratch, "absent.yaml")]), 1, "absent.yaml");
    refused(await k8ts(["up", "--nodes", "3"]), 2, "--nodes is for simulated nodes: add --simulate");
    expect(!existsSync(cluster.dataDir), "a data directory was made");
  });
  await checks.check("commands without a cluster", async () => {
    for (const command of [["status"], ["kubeconfig"], ["down"]]) refused(await cluster.k8ts(command), 1, `no cluster in ${cluster.dataDir}`);
    refused(await cluster.k8ts(["image", "ls"]), 1, "no containerd serves", "k8ts up");
    expect(!existsSync(cluster.dataDir), "a data directory was made");
  });
  await checks.check("kubectl missing", async () =>
    refused(
      await cluster.k8ts(["kubectl"], ["get", "pods"], { env: fakePath(["kubectl"], {}) }),
      1,
      "kubectl is not on this machine",
      "kubernetes.io/docs/tasks/tools",
    ),
  );
  await checks.check("reset of a directory that is not a cluster's", async () => {
    const foreign = join(scratch, "foreign");
    mkdirSync(foreign);
    writeFileSync(join(foreign, "thesis.txt"), "all of it");
    refused(await k8ts(["reset", "--data-dir", foreign]), 1, "is not a cluster's data directory");
    expect(readFileSync(join(foreign, "thesis.txt"), "utf8") === "all of it", "it was touched");
    expect(readdirSync(foreign).length === 1, "something was added");
  });
  await checks.check("a busy port", async () => {
    const busy = createServer();
    await new Promise<void>((done) => busy.listen(Number(values.port), "127.0.0.1", done));
    refused(await cluster.k8ts(["up"], simulate), 1, `port ${values.port} of 127.0.0.1 is in use`, "--port");
    await new Promise((done) => busy.close(done));
    expect(!existsSync(cluster.dataDir), "a data directory was made");
  });
}

async function images(): Promise<void> {
  const build = async (name: string, yaml: string | undefined, wanted: string | RegExp): Promise<void> => {
    const directory = join(scratch, name);
    mkdirSync(directory, { recursive: true });
    if (yaml !== undefined) writeFileSync(join(directory, "image.yaml"), yaml);
    const output = join(scratch, `${name}.tar`);
    refused(await k8ts(["image", "build", directory, "-o", output]), 1, wanted);
    expect(!existsSync(output), "an archive was written");
  };
  await checks.check("mistakes in image.yaml", async () => {
    await build("none", undefined, "image.yaml does not exist: `k8ts image build --help` shows what it holds");
    await build("syntax", "name: [", "image.yaml: ");
    await build("list", "- a", "must be a mapping with the keys name, packages");
    await build("key", "name: a/b:1\ncoppy: {}\n", 'unknown key "coppy"; known are name, packages, copy');
    await build("empty", "name: a/b:1\n", "brings nothing: give it packages or copy");
    await build("nameless", "copy: {image.yaml: x}\n", "has no name");
    await build("file", "name: a/b:1\ncopy: {absent.txt: x}\n", "absent.txt");
    await build("outside", "name: a/b:1\ncopy: {image.yaml: ../../etc/passwd}\n", "leaves the image");
    await build("run", "name: a/b:1\ncopy: {image.yaml: x}\nrun: nginx\n", "run must be a list of texts");
    await build("ports", "name: a/b:1\ncopy: {image.yaml: x}\nports: [http]\n", "ports must be a list of numbers from 1 to 65535");
    await build("reference", "name: 'A/B C'\ncopy: {image.yaml: x}\n", '"A/B C" is no image name');
  });
}

async function simulated(): Promise<void> {
  await checks.check("damaged settings", async () => {
    expect((await cluster.k8ts(["up"], simulate)).status === 0, "up --simulate failed");
    const file = join(cluster.dataDir, "settings.json");
    const good = readFileSync(file);
    writeFileSync(file, good.subarray(0, 20));
    for (const command of ["up", "status"]) refused(await cluster.k8ts([command], command === "up" ? simulate : []), 1, `${file} is damaged`);
    writeFileSync(file, good);
    expect((await cluster.k8ts(["status"])).status === 0, "the cluster does not go on");
  });
  await checks.check("a second up with other settings; two at the same time", async () => {
    refused(await cluster.k8ts(["up"], ["--simulate", "--port", String(Number(values.port) + 1)]), 1, `was made with port ${values.port}`);
    await cluster.k8ts(["down"]);
    const both = await Promise.all([cluster.k8ts(["up"], simulate), cluster.k8ts(["up"], simulate)]);
    for (const result of both) if (result.status !== 0) refused(result, 1, /another k8ts command is at work|port \d+ of 127.0.0.1 is in use/);
    expect(
      both.some((r) => r.status === 0),
      "none of the two came up",
    );
  });
  await cluster.up("--simulate");
  const log = (): string => readFileSync(join(cluster.dataDir, "logs", "server.log"), "utf8");
  const starts = (): number => log().match(/ serving /g)?.length ?? 0;
  const startsBefore = starts();
  const connections = [await connectionOf(cluster.kubeconfig), ...(values.peer ? [await connectionOf(values.peer)] : [])] as Connection[];
  for (const { name, ask } of badRequests()) {
    await checks.check(`API: ${name}`, async () => {
      for (const connection of connections) await ask(connection);
    });
  }
  for (const connection of connections) connection.agent.destroy();
  await checks.check("the server goes on after all of it", async () => {
    expect((await cluster.k8ts(["status"])).status === 0, "status is not healthy");
    const errors = log()
      .split("\n")
      .filter((line) => line.includes(" ERROR "));
    expect(errors.length === 0, errors.slice(0, 5).join("\n"));
    expect(starts() === startsBefore, "the server was started again meanwhile");
  });
  await cluster.reset();
}

async function fullDisk(): Promise<void> {
  const mountPoint = join(scratch, "small");
  mkdirSync(mountPoint);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", mountPoint]);
  try {
    await checks.check("a full disk at the first start", async () => {
      writeFileSync(join(mountPoint, "ballast"), Buffer.alloc(480 * 1024));
      const result = await k8ts(["up", ...simulate, "--data-dir", join(mountPoint, "data")]);
      refused(result, 1, /ENOSPC|no space left/i);
      nothingRuns();
      rmSync(join(mountPoint, "ballast"));
      await k8ts(["reset", "--data-dir", join(mountPoint, "data")]);
    });
  } finally {
    execFileSync("umount", [mountPoint]);
  }
}

async function machine(): Promise<void> {
  await checks.check("a missing package and no network", async () => {
    const apt = 'echo "E: Unable to locate package containerd" >&2; exit 100';
    refused(
      await cluster.k8ts(["up"], ["--port", values.port], { env: fakePath(["containerd"], { "apt-get": apt }) }),
      1,
      "apt-get could not install containerd",
      "Unable to locate package",
      "package mirror",
    );
    refused(
      await cluster.k8ts(["up"], ["--port", values.port], { env: fakePath(["containerd", "apt-get"], {}) }),
      1,
      "this machine has no apt-get: install containerd",
    );
    nothingRuns();
    await cluster.reset();
  });
  await checks.check("a containerd that ends at once", async () => {
    const result = await cluster.k8ts(["up"], ["--port", values.port], { env: fakePath([], { containerd: 'echo "containerd: no can do" >&2; exit 3' }) });
    refused(result, 1, "containerd", /logs?\//);
    nothingRuns();
    await cluster.reset();
  });
  await checks.check("a bridge of that name that is somebody else's", async () => {
    execFileSync("ip", ["link", "add", "k8ts0", "type", "bridge"]);
    refused(await cluster.k8ts(["up"], ["--port", values.port]), 1, "a network interface named k8ts0 exists and is not of this cluster");
    expect(!existsSync(cluster.dataDir), "a data directory was made");
    expect(existsSync("/sys/class/net/k8ts0"), "the bridge is gone");
    execFileSync("ip", ["link", "del", "k8ts0"]);
  });
  await checks.check("a second cluster beside a real one is refused and harms nothing", async () => {
    await cluster.up();
    const other = join(scratch, "other");
    refused(await k8ts(["up", "--data-dir", other, "--port", String(Number(values.port) + 1)]), 1, "k8ts0 exists and is not of this cluster");
    expectText((await k8ts(["reset", "--data-dir", other])).stdout, "nothing to reset");
    expect((await cluster.k8ts(["status"])).status === 0, "the first cluster is not healthy");
  });
  await checks.check("archives that hold no image", async () => {
    await cluster.up();
    writeFileSync(join(scratch, "noise.tar"), "this is no archive");
    refused(await cluster.k8ts(["image", "import"], [join(scratch, "noise.tar")]), 1, "noise.tar");
    refused(await cluster.k8ts(["image", "import"], [join(scratch, "absent.tar")]), 1, "absent.tar");
    refused(await cluster.k8ts(["image", "rm"], ["example/absent:1"]), 1, "no image example/absent:1");
  });
  await checks.check("kubectl apply --dry-run=server of the example with a misspelt field", async () => {
    const text = readFileSync(example, "utf8").replace("imagePullPolicy:", "imagePulPolicy:");
    await cluster.kubectl("create namespace shop");
    const result = await cluster.kubectlResult(["apply", "--dry-run=server", "-f", "-"], { input: text });
    expect(result.status === 1, "it was taken");
    expectText(result.stderr, 'strict decoding error: unknown field "spec.template.spec.containers[0].imagePulPolicy"');
  });
  await cluster.reset();
}

try {
  await commandLine();
  await images();
  await fullDisk();
  await simulated();
  await machine();
} finally {
  await cluster.k8ts(["reset"]);
  rmSync(scratch, { recursive: true, force: true });
  checks.finish();
}
