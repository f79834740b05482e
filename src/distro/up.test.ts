import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { reset } from "./down.ts";
import { defaultSettings } from "./settings.ts";
import { up } from "./up.ts";

const scratch = mkdtempSync(join(tmpdir(), "k8ts-up-"));
after(() => rmSync(scratch, { recursive: true, force: true }));
const simulate = { nodes: 1, stages: [] };
const settings = (name: string, more = {}): ReturnType<typeof defaultSettings> =>
  defaultSettings({ dataDir: join(scratch, name), port: 22398, nodeName: "one", ...more });

/** The command line, with its status and standard error. */
function command(...args: string[]): Promise<{ status: number; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, ["--disable-warning=ExperimentalWarning", join(import.meta.dirname, "main.ts"), ...args], (_, __, stderr) =>
      resolve({ status: child.exitCode ?? -1, stderr }),
    );
  });
}

test("a port in use is refused before anything is made", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await assert.rejects(
    up(settings("port", { port }), { simulate }),
    new RegExp(`^UsageError: port ${port} of 127.0.0.1 is in use: stop what listens there, or choose another with --port`),
  );
  assert.equal(existsSync(join(scratch, "port")), false);
  server.close();
});

test("settings that make no cluster are refused before anything is made", async () => {
  await assert.rejects(up(settings("networks", { podCIDR: "10.96.0.0/24" }), { simulate }), /overlap/);
  await assert.rejects(up(settings("stages"), { simulate: { nodes: 1, stages: [join(scratch, "absent.yaml")] } }), /absent\.yaml/);
  const unknown = { featureGates: "NoSuch=true" };
  await assert.rejects(up(settings("features"), { simulate, serving: unknown }), /^UsageError: --feature-gates: unrecognized feature gate: NoSuch$/);
  assert.equal(existsSync(join(scratch, "networks")) || existsSync(join(scratch, "features")) || existsSync(join(scratch, "stages")), false);
});

test("a cluster keeps the settings it was made with", async () => {
  const held = settings("held");
  mkdirSync(held.dataDir);
  writeFileSync(join(held.dataDir, "settings.json"), JSON.stringify({ ...held, simulate: false }));
  await assert.rejects(
    up({ ...held, port: 22399 }, { simulate }),
    /was made with port 22398 \(asked: 22399\), simulate false \(asked: true\): use the same, another --data-dir, or `k8ts reset` first/,
  );
  writeFileSync(join(held.dataDir, "settings.json"), '{"dataDir":');
  await assert.rejects(up(held, { simulate }), /settings\.json is damaged/);
  assert.deepEqual(readdirSync(held.dataDir), ["settings.json"]);
});

test("reset touches no directory that is not a cluster's", async () => {
  const foreign = join(scratch, "foreign");
  mkdirSync(foreign);
  writeFileSync(join(foreign, "thesis.txt"), "all of it");
  await assert.rejects(reset(foreign), /is not a cluster's data directory: it has no settings\.json, so nothing was deleted/);
  assert.deepEqual(readdirSync(foreign), ["thesis.txt"]);
});

test("flags that do not exist, and values that are none, end the command with one sentence", async () => {
  const flag = await command("up", "--prot=1");
  assert.equal(flag.status, 1);
  assert.match(flag.stderr, /^error: unknown option '--prot=1'\n\(Did you mean --port\?\)\n$/);
  assert.match((await command("up", "--port", "http")).stderr, /a port is a number from 1 to 65535/);
  const nodes = await command("up", "--nodes", "2");
  assert.equal(nodes.status, 2);
  assert.equal(nodes.stderr, "k8ts: --nodes is for simulated nodes: add --simulate\n");
});

test("containers without root: status 1 and the two ways on", { skip: process.getuid?.() !== 0 && "needs root to begin with" }, async () => {
  const result = await new Promise<{ status: number | null; stderr: string }>((resolve) => {
    // In a user namespace without a mapping nobody is root, yet the files of the checkout stay readable wherever it lies.
    const child = execFile(
      "unshare",
      ["--user", process.execPath, "--disable-warning=ExperimentalWarning", join(import.meta.dirname, "main.ts"), "up", "--data-dir", join(scratch, "nobody")],
      (_, __, stderr) => resolve({ status: child.exitCode, stderr }),
    );
  });
  assert.equal(result.status, 1);
  assert.equal(result.stderr, "k8ts: containers need root: run `sudo k8ts up`, or start the same control plane with a simulated node: `k8ts up --simulate`\n");
  assert.equal(existsSync(join(scratch, "nobody")), false);
});
