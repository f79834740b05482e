import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { AbandonedNetworks, removals } from "./abandoned-networks.ts";

const root = mkdtempSync(join(tmpdir(), "abandoned-networks-"));
after(() => rmSync(root, { recursive: true }));
const state = join(root, "state");
const results = join(root, "results");
const bin = join(root, "bin");
const namespaces = join(state, "io.containerd.grpc.v1.cri/netns");
for (const directory of [results, bin, namespaces]) mkdirSync(directory, { recursive: true });

const config = {
  cniVersion: "0.4.0",
  name: "pods",
  plugins: [
    { type: "bridge", bridge: "b0" },
    { type: "portmap", capabilities: { portMappings: true } },
  ],
};
const cached = (containerId: string, sandbox: string) => ({
  ...{ kind: "cniCacheV1", containerId, config: Buffer.from(JSON.stringify(config)).toString("base64"), ifName: "eth0", networkName: "pods" },
  capabilityArgs: { portMappings: [{ hostPort: 80 }], dns: {} },
  result: { cniVersion: "0.4.0", interfaces: [{ name: "b0" }, { name: "eth0", sandbox }] },
});

test("plugins are called from the last to the first, each with what it can and with the result of the addition", () => {
  const [portmap, bridge] = removals(cached("c1", "/ns/1"), "/bin");
  assert.equal(portmap?.program, "/bin/portmap");
  assert.deepEqual(portmap?.env, { CNI_COMMAND: "DEL", CNI_CONTAINERID: "c1", CNI_NETNS: "/ns/1", CNI_IFNAME: "eth0", CNI_PATH: "/bin" });
  const input = JSON.parse(portmap?.input ?? "") as Record<string, unknown>;
  assert.deepEqual(input.runtimeConfig, { portMappings: [{ hostPort: 80 }] });
  assert.deepEqual([input.cniVersion, input.name, (input.prevResult as { cniVersion: string }).cniVersion], ["0.4.0", "pods", "0.4.0"]);
  assert.equal((JSON.parse(bridge?.input ?? "") as { runtimeConfig?: unknown }).runtimeConfig, undefined);
});

test("networks go that no sandbox has, are old enough and belong to this containerd", async () => {
  const log = join(root, "log");
  for (const name of ["bridge", "portmap"]) {
    writeFileSync(join(bin, name), `#!/bin/sh\ncat > /dev/null\necho "$CNI_CONTAINERID ${name}" >> ${log}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const file = (id: string, sandbox: string): string => {
    writeFileSync(join(results, `pods-${id}-eth0`), JSON.stringify(cached(id, sandbox)));
    return join(results, `pods-${id}-eth0`);
  };
  const files = [file("lost", join(namespaces, "cni-1")), file("kept", join(namespaces, "cni-2")), file("foreign", "/run/netns/cni-3")];
  writeFileSync(join(results, "half"), '{"kind":"cni');
  const [lost, kept] = ["cni-1", "cni-2"].map((name) => join(namespaces, name)) as [string, string];
  for (const point of [lost, kept]) writeFileSync(point, "");
  const abandoned = new AbandonedNetworks({ state, bin, results });
  assert.equal(abandoned.present(0), false);
  await abandoned.remove({ ids: new Set(), namespaces: new Set(), since: 0 });
  assert.deepEqual(files.map(existsSync), [true, true, true]);
  const later = Date.now() + 60_000;
  assert.equal(abandoned.present(later), true);
  await abandoned.remove({ ids: new Set(["kept"]), namespaces: new Set([kept]), since: later });
  assert.deepEqual(files.map(existsSync), [false, true, true]);
  assert.deepEqual([lost, kept].map(existsSync), [false, true]);
  assert.equal(readFileSync(log, "utf8"), "lost portmap\nlost bridge\n");
});
