import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import tar from "tar-stream";
import { buildImage, parseBuildFile, qualified } from "./build.ts";

const scratch = mkdtempSync(join(tmpdir(), "k8ts-build-"));
after(() => rmSync(scratch, { recursive: true }));
const note = (): void => {};

async function names(layer: Uint8Array): Promise<string[]> {
  const extract = tar.extract();
  extract.end(Buffer.from(layer));
  const found: string[] = [];
  for await (const entry of extract) {
    found.push(entry.header.type === "symlink" ? `${entry.header.name} -> ${entry.header.linkname}` : entry.header.name.replace(/\/$/, ""));
    entry.resume();
  }
  return found;
}
function directory(name: string, yaml: string): string {
  const path = join(scratch, name);
  mkdirSync(join(path, "site/deep"), { recursive: true });
  writeFileSync(join(path, "site/deep/index.html"), "hello");
  symlinkSync("deep/index.html", join(path, "site/link"));
  writeFileSync(join(path, "image.yaml"), yaml);
  return path;
}

test("a directory is copied as it is, with the directories above it", async () => {
  const image = await buildImage(
    directory("copy", "name: example/web:1\ncopy: {site: /var/www/}\nrun: [serve]\nargs: [-v]\nenv: {A: 1}\nuser: 101\nworkdir: /srv\nports: [80]\n"),
    { note },
  );
  assert.equal(image.name, "docker.io/example/web:1");
  assert.deepEqual(await names(image.layers[0] as Uint8Array), [
    "var",
    "var/www",
    "var/www/deep",
    "var/www/deep/index.html",
    "var/www/link -> deep/index.html",
  ]);
  assert.deepEqual(image.config, {
    Entrypoint: ["serve"],
    Cmd: ["-v"],
    User: "101",
    WorkingDir: "/srv",
    Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "A=1"],
    ExposedPorts: { "80/tcp": {} },
  });
});

test("--tag names an image whose file does not", async () => {
  const path = directory("tag", "copy: {site: srv}\n");
  assert.equal((await buildImage(path, { note, name: "localhost:5000/x" })).name, "localhost:5000/x:latest");
  await assert.rejects(buildImage(path, { note }), /has no name: add `name: example\/app:1` or give --tag/);
});

test("what cannot be built is one sentence", async () => {
  const docker = mkdtempSync(join(scratch, "docker-"));
  writeFileSync(join(docker, "Dockerfile"), "FROM scratch\n");
  await assert.rejects(buildImage(docker, { note }), /image\.yaml does not exist, and Dockerfiles are not built here: write an image\.yaml/);
  await assert.rejects(buildImage(join(scratch, "absent"), { note }), /image\.yaml does not exist: `k8ts image build --help` shows what it holds/);
  await assert.rejects(buildImage(directory("nothing", "name: a/b:1\n"), { note }), /brings nothing: give it packages or copy/);
  await assert.rejects(buildImage(directory("missing", "name: a/b:1\ncopy: {no-such-file: x}\n"), { note }), /no-such-file does not exist: copy names files/);
  await assert.rejects(buildImage(directory("outside", "name: a/b:1\ncopy: {site: ../etc}\n"), { note }), /\.\.\/etc leaves the image/);
});

test("a mistake in image.yaml is named with the file, the key and what would be right", () => {
  const wrong: [string, RegExp][] = [
    ["- a", /^f must be a mapping with the keys name, packages/],
    ["", /^f: /],
    ["null", /^f must be a mapping/],
    ["name: [", /^f: /],
    ["nam: a", /^f: unknown key "nam"; known are name,/],
    ["__proto__: {}", /^f: unknown key "__proto__"/],
    ["run: nginx", /^f: run must be a list of texts$/],
    ["run: [1]", /^f: run must be a list of texts$/],
    ["packages: {a: b}", /^f: packages must be a list of package names$/],
    ["copy: [a]", /^f: copy must be a mapping/],
    ["copy: {a: 1}", /^f: copy must be a mapping/],
    ["env: {A: [1]}", /^f: env must be a mapping from names to values$/],
    ["env: null", /^f: env must be a mapping/],
    ["ports: [http]", /^f: ports must be a list of numbers from 1 to 65535$/],
    ["ports: [70000]", /^f: ports must be/],
    ["user: []", /^f: user must be/],
    ["name: {}", /^f: name must be a text such as example\/app:1$/],
  ];
  for (const [text, message] of wrong)
    assert.throws(
      () => parseBuildFile(text, "f"),
      (error: Error) => message.test(error.message) || assert.fail(`${text}: ${error.message}`),
    );
  assert.deepEqual({ ...parseBuildFile("ports: [80]\nuser: 7", "f") }, { ports: [80], user: 7 });
});

test("names get the registry and the tag that containerd gives them", () => {
  assert.equal(qualified("nginx"), "docker.io/library/nginx:latest");
  assert.equal(qualified("example/web:1"), "docker.io/example/web:1");
  assert.equal(qualified("registry.k8s.io/pause:3.10"), "registry.k8s.io/pause:3.10");
  assert.equal(qualified("localhost:5000/a/b"), "localhost:5000/a/b:latest");
  assert.equal(qualified("ghcr.io/a-b/c_d/e.f:v1.2-x"), "ghcr.io/a-b/c_d/e.f:v1.2-x");
  for (const name of ["", "A B", "example/Web:1", "a:b:c", "a/:1", "-a", "a/b:", "ä"])
    assert.throws(() => qualified(name), /is no image name: lower case, such as example\/app:1/, name);
});
