import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";

// In the clone, where the dependencies are found.
const out = `dist.test.${process.pid}`;
after(() => rmSync(out, { recursive: true, force: true }));
execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", "tools/build.ts", "--out", out], { stdio: "pipe" });

test("the bundle of the release runs", () => {
  const text = execFileSync(process.execPath, [`${out}/k8ts.js`, "version"], { encoding: "utf8" });
  assert.match(text, /^k8ts \d+\.\d+\.\d+ \(Kubernetes v1\.36\.\d+, /);
  assert.match(execFileSync(process.execPath, [`${out}/k8ts.js`, "apiserver", "--help"], { encoding: "utf8" }), /--etcd-servers|--data-dir/);
});

test("the package gives a cluster to programs that import it, with its types", async () => {
  const { namespaces, startCluster } = (await import(pathToFileURL(`${out}/index.js`).href)) as typeof import("../src/index.ts");
  await using cluster = await startCluster();
  assert.equal((await cluster.client.resource(namespaces).get("", "default")).status?.phase, "Active");
  assert.ok(existsSync(`${out}/types/index.d.ts`));
});
