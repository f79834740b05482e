import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { buffer } from "node:stream/consumers";
import { gzipSync, zstdCompressSync } from "node:zlib";
import tar from "tar-stream";
import { readArchive } from "./archive.ts";
import { architecture, archiveOf, layerOf } from "./oci.ts";

const scratch = mkdtempSync(join(tmpdir(), "k8ts-archive-"));
after(() => rmSync(scratch, { recursive: true }));
const limits = { mostUnpacked: 10_000_000 };
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

interface Entry {
  name: string;
  content?: Buffer;
  type?: "symlink" | "link" | "fifo";
  linkname?: string;
}
let files = 0;
async function written(entries: Entry[], change: (bytes: Buffer) => Buffer = (bytes) => bytes): Promise<string> {
  const pack = tar.pack();
  for (const { name, content, type, linkname } of entries) {
    if (type) pack.entry({ name, type, ...(linkname ? { linkname } : {}) });
    else pack.entry({ name }, content ?? Buffer.alloc(0));
  }
  pack.finalize();
  const path = join(scratch, `${++files}.tar`);
  writeFileSync(path, change(await buffer(pack)));
  return path;
}
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const blobEntry = (content: Buffer): Entry => ({ name: `blobs/sha256/${sha256(content)}`, content });
const pointer = (content: Buffer, mediaType: string, more: object = {}): object => ({
  mediaType,
  digest: `sha256:${sha256(content)}`,
  size: content.length,
  ...more,
});

/** An OCI layout with one image of one layer. */
async function layout(layer: Buffer, options: { name?: string; architecture?: string; indexed?: boolean } = {}): Promise<Entry[]> {
  const config = json({ architecture: options.architecture ?? architecture(), os: "linux", rootfs: { type: "layers", diff_ids: [] } });
  const manifest = json({
    schemaVersion: 2,
    config: pointer(config, "application/vnd.oci.image.config.v1+json"),
    layers: [pointer(layer, "application/vnd.oci.image.layer.v1.tar")],
  });
  const annotations = options.name ? { "io.containerd.image.name": options.name } : {};
  const absent = { mediaType: manifestType, digest: `sha256:${"0".repeat(64)}`, size: 7, platform: { os: "linux", architecture: "s390x" } };
  const index = json({ schemaVersion: 2, manifests: [pointer(manifest, manifestType), absent] });
  const top = options.indexed ? pointer(index, "application/vnd.oci.image.index.v1+json", { annotations }) : pointer(manifest, manifestType, { annotations });
  return [
    { name: "oci-layout", content: json({ imageLayoutVersion: "1.0.0" }) },
    { name: "index.json", content: json({ schemaVersion: 2, manifests: [top] }) },
    blobEntry(config),
    blobEntry(manifest),
    blobEntry(layer),
    ...(options.indexed ? [blobEntry(index)] : []),
  ];
}
const layer = Buffer.from(await layerOf([{ name: "srv/a", mode: 0o644, content: Buffer.from("hello") }]));

test("what we build is read, plain, packed whole and as a directory", async () => {
  const path = join(scratch, "ours.tar");
  const bytes = await archiveOf([{ name: "docker.io/example/a:1", layers: [layer], config: {} }]);
  const expected = [{ names: ["docker.io/example/a:1"], platforms: [`linux/${architecture()}`] }];
  writeFileSync(path, bytes);
  writeFileSync(`${path}.gz`, gzipSync(bytes));
  writeFileSync(`${path}.zst`, zstdCompressSync(bytes));
  for (const file of [path, `${path}.gz`, `${path}.zst`]) assert.deepEqual(await readArchive(file, limits), expected);
  const directory = join(scratch, "layout");
  mkdirSync(join(directory, "blobs/sha256"), { recursive: true });
  for (const { name, content } of await layout(layer, { name: "docker.io/example/a:1" })) writeFileSync(join(directory, name), content ?? "");
  symlinkSync("/etc/passwd", join(directory, "blobs/sha256/link"));
  assert.deepEqual(await readArchive(directory, limits), expected);
});

test("layers may be packed with gzip and zstd, and an index may name platforms that were left out", async () => {
  for (const packed of [gzipSync(layer), zstdCompressSync(layer)])
    assert.deepEqual(await readArchive(await written(await layout(packed, { indexed: true, name: "a/b:1" })), limits), [
      { names: ["a/b:1"], platforms: [`linux/${architecture()}`] },
    ]);
});

test("docker's format is read, with layers that are links to others", async () => {
  const config = json({ architecture: architecture(), os: "linux" });
  const manifest = json([{ Config: `${sha256(config)}.json`, RepoTags: ["a:1", "a:2"], Layers: ["one/layer.tar", "two/layer.tar"] }]);
  const entries: Entry[] = [
    { name: `${sha256(config)}.json`, content: config },
    { name: "one/layer.tar", content: layer },
    { name: "two/layer.tar", type: "symlink", linkname: "../one/layer.tar" },
    { name: "manifest.json", content: manifest },
  ];
  assert.deepEqual(await readArchive(await written(entries), limits), [{ names: ["a:1", "a:2"], platforms: [`linux/${architecture()}`] }]);
  await assert.rejects(readArchive(await written(entries.slice(1)), limits), /is not whole: the config .* is missing/);
  await assert.rejects(
    readArchive(await written(entries.filter((e) => e.name !== "one/layer.tar")), limits),
    /is not whole: the layer "one\/layer.tar" is missing/,
  );
});

test("hostile and damaged archives are one sentence that names the file", async () => {
  const whole = await layout(layer, { name: "a/b:1" });
  const without = (part: string): Entry[] => whole.filter((entry) => !entry.name.includes(part));
  const evil = await layout(Buffer.from(await layerOf([{ name: "../../etc/passwd", mode: 0o644, content: Buffer.from("x") }])));
  const bomb = await layout(gzipSync(await layerOf([{ name: "zeros", mode: 0o644, content: Buffer.alloc(20_000_000) }])));
  const wrong: [string, Promise<string> | string, RegExp][] = [
    ["up", written([{ name: "../index.json", content: json({}) }]), /is not safe: its entry "\.\.\/index\.json" leads outside/],
    ["absolute", written([{ name: "a", type: "symlink", linkname: "../../etc/passwd" }]), /is not safe: .* leads outside/],
    ["hard link", written([{ name: "a", type: "link", linkname: "/etc/passwd" }]), /is not safe|is no image archive/],
    ["fifo", written([{ name: "a", type: "fifo" }]), /is not safe: its entry "a" is a fifo/],
    ["twice", written([...whole, whole[1] as Entry]), /is not safe: it has two entries "index\.json"/],
    ["layer", written(evil), /is not safe: its entry "\.\.\/\.\.\/etc\/passwd" leads outside/],
    ["bomb", written(bomb), /is refused: unpacked it has more than the 10000000 bytes that are free/],
    [
      "digest",
      written([...without(sha256(layer)), { name: `blobs/sha256/${sha256(layer)}`, content: Buffer.concat([layer, Buffer.alloc(512)]) }]),
      /is damaged: its blob sha256:.* has the digest sha256:/,
    ],
    ["missing", written(without(sha256(layer))), /is not whole: the blob sha256:.* is missing/],
    ["truncated", written(whole, (bytes) => bytes.subarray(0, 3000)), /is truncated/],
    ["packed and truncated", written(whole, (bytes) => gzipSync(bytes).subarray(0, 300)), /is truncated/],
    ["noise", written([], () => Buffer.alloc(4096, "noise")), /is no tar, or a damaged one/],
    ["empty", written([]), /is no image archive: it has neither/],
    ["no image", written([{ name: "index.json", content: json({ manifests: [] }) }]), /has no image in it/],
    ["not JSON", written([{ name: "index.json", content: Buffer.from("{") }]), /is damaged: index\.json is not JSON/],
    ["elsewhere", written(await layout(layer, { architecture: "s390x" })), /has nothing for linux\/.*: its image is for linux\/s390x/],
    ["xz", written([], () => Buffer.from("fd377a585a000000", "hex")), /is packed with xz, which is not read/],
  ];
  for (const [what, file, message] of wrong) {
    const path = await file;
    await assert.rejects(
      readArchive(path, limits),
      (error: Error) => (error.message.startsWith(`${path} `) && message.test(error.message)) || assert.fail(`${what}: ${error.message}`),
    );
  }
  await assert.rejects(readArchive(join(scratch, "absent"), limits), /absent does not exist$/);
});
