import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

// In the clone, where the dependencies are found.
const out = `dist.test.${process.pid}`;
after(() => rmSync(out, { recursive: true, force: true }));
const command = ["--disable-warning=ExperimentalWarning", "tools/build.ts", "--out", out];
execFileSync(process.execPath, command, { stdio: "pipe" });

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

test("two bundles at once end in one that is whole; parts of an older one stay while a program runs it", async () => {
  const old = join(out, "chunk-OLD.js");
  writeFileSync(old, "export {};\n");
  utimesSync(old, 0, 0);
  const running = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", join(process.cwd(), out, "k8ts.js")], { stdio: "ignore" });
  try {
    await once(running, "spawn");
    await Promise.all([1, 2].map(() => promisify(execFile)(process.execPath, [...command, "--bundle"])));
    assert.ok(existsSync(old));
    // What was edited while it was made is newer than it.
    const [data] = readdirSync(out).filter((name) => name.startsWith("schema-types-"));
    assert.ok(statSync(join(out, "k8ts.js")).mtimeMs <= statSync(join(out, data as string)).mtimeMs);
  } finally {
    running.kill();
    await once(running, "exit");
  }
  await promisify(execFile)(process.execPath, [...command, "--bundle"]);
  assert.ok(!existsSync(old));
  for (const name of readdirSync(out).filter((one) => one.endsWith(".js")))
    for (const [, needed] of readFileSync(join(out, name), "utf8").matchAll(/"\.\/([\w-]+-[A-Z0-9]{8}\.(?:js|json|yaml))"/g))
      assert.ok(existsSync(join(out, needed as string)), `${name} needs ${needed}`);
  assert.match(execFileSync(process.execPath, [`${out}/k8ts.js`, "version"], { encoding: "utf8" }), /^k8ts /);
});
