/**
 * Our registry and our client of registries, judged by others: crane (go-containerregistry) pushes, copies, lists, validates
 * and deletes; OCI's own conformance program runs every workflow of distribution-spec 1.1 and what the next version adds.
 *
 * Usage: node conformance/registry.ts --crane FILE [--oci FILE] [--port PORT] [--only REGEX]
 *   --crane  `go install github.com/google/go-containerregistry/cmd/crane@v0.20.6`
 *   --oci    `go build` in conformance/ of github.com/opencontainers/distribution-spec at 967efdc; left out: not run
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { parseArgs } from "../tools/command-line.ts";
import { systemClock } from "../src/base/clock.ts";
import { silentLogger } from "../src/base/logger.ts";
import { systemRandom } from "../src/base/random.ts";
import { readArchive } from "../src/distro/images/archive.ts";
import { archiveOf, layerOf } from "../src/distro/images/oci.ts";
import { RegistryClient } from "../src/distro/images/registry-client.ts";
import { pullToFile } from "../src/distro/images/transfer.ts";
import { Registry } from "../src/distro/registry/server.ts";
import { Checks, expect, expectText } from "./cluster/checks.ts";

const { values } = parseArgs({
  options: { crane: { type: "string" }, oci: { type: "string" }, port: { type: "string", default: "0" }, only: { type: "string" } },
});
if (!values.crane) throw new Error("--crane FILE is needed: see the head of this file");
const { crane: cranePath } = values;
const scratch = mkdtempSync(join(tmpdir(), "k8ts-registry-judge-"));
const checks = new Checks("registry", values.only);
const start = (password?: string): Promise<Registry> =>
  Registry.start({
    directory: join(scratch, password ? "closed" : "open"),
    port: password ? 0 : Number(values.port),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    ...(password ? { password } : {}),
  });
const run = promisify(execFile);
const crane = async (...args: string[]): Promise<string> => {
  const { stdout, stderr } = await run(cranePath, args, { env: { ...process.env, DOCKER_CONFIG: scratch }, maxBuffer: 1 << 24 });
  return stdout + stderr;
};

const registry = await start();
const host = `127.0.0.1:${registry.port}`;
const archive = join(scratch, "image.tar");
try {
  const layer = await layerOf([{ name: "hello", mode: 0o644, content: Buffer.from("hello") }]);
  writeFileSync(archive, await archiveOf([{ name: "example/judged:1", layers: [layer], config: { Cmd: ["/hello"] } }]));
  await checks.check("crane pushes an OCI layout, lists it and copies it to another repository", async () => {
    const layout = join(scratch, "layout");
    await run("mkdir", [layout]);
    await run("tar", ["-xf", archive, "-C", layout]);
    await crane("push", layout, `${host}/judged/app:1`);
    await crane("copy", `${host}/judged/app:1`, `${host}/judged/copy:2`);
    expectText(await crane("catalog", host), "judged/app", "judged/copy");
    expectText(await crane("ls", `${host}/judged/copy`), "2");
    expect((await crane("digest", `${host}/judged/app:1`)) === (await crane("digest", `${host}/judged/copy:2`)), "the copy has another digest");
  });
  await checks.check("crane appends a layer, validates the image, and what it pulls is an archive that we read", async () => {
    const tar = join(scratch, "more.tar");
    writeFileSync(tar, await layerOf([{ name: "more", mode: 0o644, content: Buffer.alloc(3_000_000, "more") }]));
    await crane("append", "--base", `${host}/judged/app:1`, "--new_layer", tar, "--new_tag", `${host}/judged/app:more`);
    await crane("append", "--oci-empty-base", "--new_layer", tar, "--new_tag", `${host}/judged/fresh:1`);
    expectText(await crane("validate", "--remote", `${host}/judged/fresh:1`), "PASS");
    await crane("pull", `${host}/judged/app:more`, join(scratch, "pulled.tar"));
    const [image] = await readArchive(join(scratch, "pulled.tar"), { mostUnpacked: 1e9 });
    expect(image?.names.length === 1, "the archive that crane wrote has no name for us");
  });
  await checks.check("what our client pulls into a file, crane accepts", async () => {
    const client = new RegistryClient({ endpoint: new URL(`http://${host}`), repository: "judged/app", clock: systemClock });
    const file = join(scratch, "ours.tar");
    const name = { reference: "more", full: `${host}/judged/app:more` };
    await pullToFile(client, name, file, { platform: "linux/amd64", onProgress: () => undefined });
    const layout = join(scratch, "ours");
    await run("mkdir", [layout]);
    await run("tar", ["-xf", file, "-C", layout]);
    await crane("push", layout, `${host}/judged/again:1`);
    expect((await crane("digest", `${host}/judged/again:1`)) === (await crane("digest", `${host}/judged/app:more`)), "another digest came back");
  });
  await checks.check("crane deletes by tag and by digest", async () => {
    const digest = (await crane("digest", `${host}/judged/fresh:1`)).trim();
    await crane("delete", `${host}/judged/fresh@${digest}`);
    const gone = await crane("digest", `${host}/judged/fresh:1`).catch((error: { stderr: string }) => error.stderr);
    expectText(gone, "MANIFEST_UNKNOWN");
  });
  await checks.check("with a password crane reads freely, and writes after it has logged in", async () => {
    await using closed = await start("secret");
    const there = `127.0.0.1:${closed.port}`;
    const refused = await crane("copy", `${host}/judged/app:1`, `${there}/app:1`).catch((error: { stderr: string }) => error.stderr);
    expectText(refused, "UNAUTHORIZED");
    await crane("auth", "login", there, "-u", "k8ts", "-p", "secret");
    await crane("copy", `${host}/judged/app:1`, `${there}/app:1`);
  });
  const { oci } = values;
  if (oci)
    await checks.check("OCI's conformance program passes every workflow", async () => {
      const results = join(scratch, "results");
      const settings = {
        OCI_REGISTRY: host,
        OCI_TLS: "disabled",
        OCI_RESULTS_DIR: results,
        OCI_VERSION: "1.1",
        OCI_API_BLOBS_DIGEST_HEADER: "true",
        OCI_API_BLOBS_UPLOAD_CANCEL: "true",
        OCI_API_MANIFESTS_DIGEST_HEADER: "true",
        OCI_API_MANIFESTS_TAG_PARAM: "true",
      };
      await run(oci, [], { cwd: scratch, env: { ...process.env, ...settings }, maxBuffer: 1 << 24 });
      const [, tests, failures] = /tests="(\d+)" failures="(\d+)"/.exec(readFileSync(join(results, "junit.xml"), "utf8")) ?? [];
      expect(failures === "0", `${failures} of ${tests} failed`);
      return `${tests} tests`;
    });
} finally {
  await registry[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true });
}
checks.finish();
