/** Whole images between registries, archives and the node's containerd. */
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import tar from "tar-stream";
import type { ContainerdClient } from "../../cri/containerd.ts";
import { GrpcError } from "../../base/grpc/error.ts";
import { assertReplaceable } from "../files.ts";
import { architecture } from "./oci.ts";
import { RegistryRefusal, type BlobSource, type RegistryClient } from "./registry-client.ts";

export interface ContentDescriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { os?: string; architecture?: string };
  annotations?: Record<string, string>;
}
interface Manifest {
  manifests?: ContentDescriptor[];
  config?: ContentDescriptor;
  layers?: ContentDescriptor[];
}
/** `done` of `total` bytes. */
export type OnProgress = (done: number, total: number) => void;

const isForeign = ({ mediaType }: ContentDescriptor): boolean => /nondistributable|foreign/.test(mediaType);
const isIndex = ({ mediaType }: { mediaType: string }): boolean => /image\.index|manifest\.list/.test(mediaType);
const partsOf = (manifest: Manifest): ContentDescriptor[] =>
  [...(manifest.config ? [manifest.config] : []), ...(manifest.layers ?? [])].filter((part) => !isForeign(part));
const parse = (bytes: Uint8Array): Manifest => JSON.parse(Buffer.from(bytes).toString("utf8")) as Manifest;

async function contentOf(containerd: ContainerdClient, digest: string): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const { data } of containerd.content.stream("Read", { digest, offset: 0, size: 0 })) chunks.push(data);
  } catch (error) {
    if (error instanceof GrpcError && error.notFound) return undefined;
    throw error;
  }
  return Buffer.concat(chunks);
}

const blobOf = (containerd: ContainerdClient, { digest, size }: ContentDescriptor): BlobSource => ({
  digest,
  size,
  async *open(offset) {
    for await (const { data } of containerd.content.stream("Read", { digest, offset, size: 0 })) yield data;
  },
});

/**
 * Pushes an image of the node. Of an index whose other platforms were never fetched, this platform's manifest alone is
 * pushed. Resolves to the digest that the tag has then.
 */
export async function pushFromNode(
  containerd: ContainerdClient,
  client: RegistryClient,
  target: ContentDescriptor,
  options: { tag: string; from?: string | undefined; onProgress: OnProgress },
): Promise<string> {
  const manifests = new Map<string, { descriptor: ContentDescriptor; bytes: Buffer }>();
  const root = await collect(containerd, target, manifests);
  if (!root) throw new Error(`the content of ${target.digest} is not on this node: pull the image again`);
  const blobs = new Map([...manifests.values()].flatMap(({ bytes }) => partsOf(parse(bytes))).map((part) => [part.digest, part]));
  const total = [...blobs.values()].reduce((sum, part) => sum + part.size, 0);
  let done = 0;
  for (const part of blobs.values()) {
    let sent = 0;
    const onBytes = (count: number): void => {
      sent += count;
      options.onProgress(done + Math.min(sent, part.size), total);
    };
    await client.pushBlob(blobOf(containerd, part), { from: options.from, onBytes });
    done += part.size;
    options.onProgress(done, total);
  }
  // What others refer to goes first.
  for (const { descriptor, bytes } of manifests.values())
    if (descriptor.digest !== root.digest) await client.pushManifest(descriptor.digest, bytes, descriptor.mediaType);
  const { descriptor, bytes } = manifests.get(root.digest) as { descriptor: ContentDescriptor; bytes: Buffer };
  await client.pushManifest(options.tag, bytes, descriptor.mediaType);
  return root.digest;
}

/** Children before their parents. Undefined when something of it is missing. */
async function collect(
  containerd: ContainerdClient,
  descriptor: ContentDescriptor,
  into: Map<string, { descriptor: ContentDescriptor; bytes: Buffer }>,
): Promise<ContentDescriptor | undefined> {
  const bytes = await contentOf(containerd, descriptor.digest);
  if (!bytes) return undefined;
  const manifest = parse(bytes);
  if (manifest.manifests) {
    const found: [ContentDescriptor, ContentDescriptor | undefined][] = [];
    for (const child of manifest.manifests) found.push([child, await collect(containerd, child, into)]);
    if (found.some(([, present]) => !present)) {
      const own =
        found.find(([child, present]) => present && child.platform?.architecture === architecture())?.[1] ?? found.find(([, present]) => present)?.[1];
      for (const [, present] of found) if (present && present !== own) into.delete(present.digest);
      return own;
    }
  } else for (const part of partsOf(manifest)) if (!(await hasContent(containerd, part))) return undefined;
  into.set(descriptor.digest, { descriptor, bytes });
  return descriptor;
}

async function hasContent(containerd: ContainerdClient, { digest, size }: ContentDescriptor): Promise<boolean> {
  try {
    for await (const _ of containerd.content.stream("Read", { digest, offset: 0, size: Math.min(1, size) })) break;
    return true;
  } catch (error) {
    if (error instanceof GrpcError && error.notFound) return false;
    throw error;
  }
}

/** Writes an image of a registry as an OCI archive, as it comes. `platform` is `linux/arm64` or `all`. Resolves to its digest. */
export async function pullToFile(
  client: RegistryClient,
  name: { reference: string; full: string },
  file: string,
  options: { platform: string; onProgress: OnProgress; signal?: AbortSignal },
): Promise<string> {
  const found = await client.manifest(name.reference);
  if (!found) throw new RegistryRefusal(`there is no image ${name.full}`, 404);
  const manifests = new Map<string, { mediaType: string; bytes: Buffer }>();
  let root = { digest: found.digest, mediaType: found.mediaType, bytes: found.bytes };
  const children = isIndex(found) ? (parse(found.bytes).manifests ?? []) : [];
  const wanted = children.filter(({ platform }) => options.platform === "all" || `${platform?.os}/${platform?.architecture}` === options.platform);
  if (children.length && !wanted.length) {
    const there = children.map(({ platform }) => `${platform?.os}/${platform?.architecture}`).join(", ");
    throw new Error(`${name.full} is not there for ${options.platform}, only for ${there}: choose with --platform`);
  }
  for (const child of wanted) {
    const answer = await client.manifest(child.digest);
    if (!answer) throw new RegistryRefusal(`the manifest ${child.digest} of ${name.full} is missing`, 404);
    manifests.set(child.digest, { mediaType: child.mediaType, bytes: answer.bytes });
    if (options.platform !== "all") root = { digest: child.digest, mediaType: child.mediaType, bytes: answer.bytes };
  }
  manifests.set(root.digest, root);
  const blobs = new Map([...manifests.values()].flatMap(({ bytes }) => partsOf(parse(bytes))).map((part) => [part.digest, part]));
  const annotations = { "io.containerd.image.name": name.full, "org.opencontainers.image.ref.name": name.full.slice(name.full.lastIndexOf(":") + 1) };
  const index = { schemaVersion: 2, manifests: [{ mediaType: root.mediaType, digest: root.digest, size: root.bytes.length, annotations }] };
  assertReplaceable(file);
  const pack = tar.pack();
  const beside = `${file}.part`;
  const writing = pipeline(Readable.from(pack as AsyncIterable<Buffer>, { objectMode: false }), createWriteStream(beside, { mode: 0o644 }), {
    signal: options.signal,
  });
  writing.catch((error: Error) => pack.destroy(error));
  try {
    const small = (path: string, bytes: Uint8Array): Promise<void> => add(pack, path, bytes.length, [bytes]);
    await small("oci-layout", Buffer.from(JSON.stringify({ imageLayoutVersion: "1.0.0" })));
    await small("index.json", Buffer.from(JSON.stringify(index)));
    for (const [digest, { bytes }] of manifests) await small(`blobs/${digest.replace(":", "/")}`, bytes);
    const total = [...blobs.values()].reduce((sum, part) => sum + part.size, 0);
    let done = 0;
    for (const { digest, size } of blobs.values()) {
      const counted = async function* (): AsyncGenerator<Buffer> {
        for await (const chunk of client.blob(digest, size)) {
          done += chunk.length;
          options.onProgress(done, total);
          yield chunk;
        }
      };
      await add(pack, `blobs/${digest.replace(":", "/")}`, size, counted());
    }
    pack.finalize();
    await writing;
    await rename(beside, file);
  } catch (error) {
    pack.destroy();
    await writing.catch(() => undefined);
    await rm(beside, { force: true });
    throw error;
  }
  return root.digest;
}

async function add(pack: tar.Pack, name: string, size: number, content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  const entry = pack.entry({ name, size, mode: 0o644, mtime: new Date(0) });
  await pipeline(Readable.from(content, { objectMode: false }), entry as unknown as NodeJS.WritableStream);
}
