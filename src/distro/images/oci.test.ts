import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import tar from "tar-stream";
import { archiveOf, layerOf } from "./oci.ts";
import { pauseImage, pauseImageName } from "./pause.ts";

async function entries(archive: Uint8Array): Promise<Map<string, { header: tar.Header; content: Buffer }>> {
  const found = new Map<string, { header: tar.Header; content: Buffer }>();
  const extract = tar.extract();
  extract.end(Buffer.from(archive));
  for await (const entry of extract) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    found.set(entry.header.name, { header: entry.header, content: Buffer.concat(chunks) });
  }
  return found;
}
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

test("a layer has files, directories and links with their modes, owned by root", async () => {
  const found = await entries(
    await layerOf([
      { name: "srv", mode: 0o755, type: "directory" },
      { name: "srv/app", mode: 0o4755, content: Buffer.from("hello") },
      { name: "bin", mode: 0o777, type: "symlink", linkname: "usr/bin" },
    ]),
  );
  assert.equal(found.get("srv/")?.header.type ?? found.get("srv")?.header.type, "directory");
  assert.equal(found.get("srv/app")?.content.toString(), "hello");
  assert.equal(found.get("srv/app")?.header.mode, 0o4755);
  assert.equal(found.get("srv/app")?.header.uid, 0);
  assert.equal(found.get("bin")?.header.linkname, "usr/bin");
});

test("every descriptor of an archive leads to a blob of that digest and size", async () => {
  const layer = await layerOf([{ name: "a", mode: 0o644, content: Buffer.from("a") }]);
  const found = await entries(await archiveOf([{ name: "example/a:1", layers: [layer], config: { Cmd: ["a"] } }]));
  const json = (name: string): never => JSON.parse(found.get(name)?.content.toString() ?? "null") as never;
  const blob = ({ digest, size }: { digest: string; size: number }): string => {
    const name = `blobs/sha256/${digest.slice(7)}`;
    const content = found.get(name)?.content as Buffer;
    assert.equal(`sha256:${sha256(content)}`, digest);
    assert.equal(content.length, size);
    return name;
  };
  assert.deepEqual(json("oci-layout"), { imageLayoutVersion: "1.0.0" });
  const index = json("index.json") as { manifests: { digest: string; size: number; annotations: Record<string, string> }[] };
  assert.equal(index.manifests[0]?.annotations["io.containerd.image.name"], "example/a:1");
  assert.equal(index.manifests[0]?.annotations["org.opencontainers.image.ref.name"], "1");
  const manifest = json(blob(index.manifests[0] as never)) as { config: { digest: string; size: number }; layers: { digest: string; size: number }[] };
  const config = json(blob(manifest.config)) as { rootfs: { diff_ids: string[] }; config: { Cmd: string[]; Env: string[] } };
  assert.deepEqual(
    manifest.layers.map((l) => l.digest),
    config.rootfs.diff_ids,
  );
  assert.equal(`sha256:${sha256(layer)}`, config.rootfs.diff_ids[0]);
  blob(manifest.layers[0] as never);
  assert.deepEqual(config.config.Cmd, ["a"]);
  assert.match(config.config.Env[0] as string, /^PATH=/);
});

test("the same content gives the same bytes", async () => {
  const make = async (): Promise<string> => sha256(await archiveOf([await pauseImage("x64")]));
  assert.equal(await make(), await make());
});

test("the pause image is one small static program, and a processor without one is named", { skip: process.arch !== "x64" && "needs an x64" }, async () => {
  const image = await pauseImage();
  assert.equal(image.name, pauseImageName);
  const program = (await entries(image.layers[0] as Uint8Array)).get("pause")?.content as Buffer;
  assert.equal(program.subarray(0, 4).toString("latin1"), "\x7fELF");
  assert.ok(program.length < 1000);
  await assert.rejects(pauseImage("riscv64"), /no pause program for the processor riscv64/);
});
