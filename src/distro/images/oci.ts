/** Writes OCI image layouts (https://github.com/opencontainers/image-spec, image-layout.md) as one tar stream. */
import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import tar from "tar-stream";
import { table } from "../../base/table.ts";

export interface ImageConfig {
  Entrypoint?: string[];
  Cmd?: string[];
  Env?: string[];
  User?: string;
  WorkingDir?: string;
  ExposedPorts?: Record<string, object>;
}

export interface Image {
  /** Full reference with tag. */
  name: string;
  /** Uncompressed tars, lowest first. */
  layers: Uint8Array[];
  config: ImageConfig;
}

export interface LayerFile {
  /** Without a leading slash. */
  name: string;
  mode: number;
  content?: Uint8Array;
  type?: "file" | "directory" | "symlink";
  linkname?: string;
}

/** Times are fixed, so that the same content gives the same digest. */
const epoch = new Date(0);

/** An uncompressed layer, all owned by root. */
export async function layerOf(files: LayerFile[]): Promise<Uint8Array> {
  const pack = tar.pack();
  for (const file of files) {
    const header = {
      name: file.name,
      mode: file.mode,
      mtime: epoch,
      uid: 0,
      gid: 0,
      type: file.type ?? "file",
      ...(file.linkname ? { linkname: file.linkname } : {}),
    };
    if (file.content && header.type === "file") pack.entry(header, Buffer.from(file.content));
    else pack.entry(header);
  }
  pack.finalize();
  return buffer(pack);
}

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const architectures = table<string>({ x64: "amd64", arm64: "arm64", ia32: "386" });
/** Of this machine, in the words of the image specification. */
export const architecture = (): string => architectures[process.arch] ?? process.arch;
const manifestType = "application/vnd.oci.image.manifest.v1+json";

/** The layout as a tar, for `ctr images import` and for every other tool that reads OCI archives. */
export async function archiveOf(images: Image[]): Promise<Uint8Array> {
  const blobs = new Map<string, Uint8Array>();
  const add = (bytes: Uint8Array): { digest: string; size: number } => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes);
    return { digest, size: bytes.length };
  };
  const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
  const platform = { architecture: architecture(), os: "linux" };
  const manifests = images.map((image) => {
    const layers = image.layers.map((layer) => ({ mediaType: "application/vnd.oci.image.layer.v1.tar", ...add(layer) }));
    const config = add(
      json({
        ...platform,
        created: epoch.toISOString(),
        config: { Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], WorkingDir: "/", ...image.config },
        rootfs: { type: "layers", diff_ids: layers.map((l) => l.digest) },
        history: layers.map(() => ({ created: epoch.toISOString(), created_by: "k8ts" })),
      }),
    );
    const manifest = add(
      json({ schemaVersion: 2, mediaType: manifestType, config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config }, layers }),
    );
    const annotations = { "io.containerd.image.name": image.name, "org.opencontainers.image.ref.name": image.name.slice(image.name.lastIndexOf(":") + 1) };
    return { mediaType: manifestType, ...manifest, platform, annotations };
  });
  const pack = tar.pack();
  const entry = (name: string, content: Uint8Array): void => void pack.entry({ name, mode: 0o644, mtime: epoch }, Buffer.from(content));
  entry("oci-layout", json({ imageLayoutVersion: "1.0.0" }));
  entry("index.json", json({ schemaVersion: 2, manifests }));
  for (const [digest, bytes] of blobs) entry(`blobs/sha256/${digest.slice("sha256:".length)}`, bytes);
  pack.finalize();
  return buffer(pack);
}
