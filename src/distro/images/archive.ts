/**
 * What an image archive brings: an OCI layout (image-spec image-layout.md, several platforms, nested indexes) or what
 * `docker save` writes. Every descriptor leads to content of its digest and size, or the archive is refused.
 */
import { type ArchiveFile, type ArchiveScan, type ScanOptions, scanArchive } from "./archive-scan.ts";
import { ArchiveError, archiveSource } from "./archive-source.ts";
import { architecture } from "./oci.ts";

export interface ArchiveImage {
  /** As the archive has them; none when it leaves the name to others. */
  names: string[];
  /** `linux/amd64` */
  platforms: string[];
}

interface Platform {
  os?: string;
  architecture?: string;
}
interface Descriptor {
  mediaType?: string;
  digest: string;
  size: number;
  platform?: Platform;
  annotations?: Record<string, string>;
}
interface Manifest {
  mediaType?: string;
  manifests?: Descriptor[];
  config?: Descriptor;
  layers?: Descriptor[];
}

const deepest = 8;
const isForeign = (mediaType = ""): boolean => /nondistributable|foreign/.test(mediaType);

/** Reads it once, whole. Rejects with one sentence that names the file. */
export async function readArchive(path: string, options: ScanOptions): Promise<ArchiveImage[]> {
  try {
    const scan = await scanArchive((await archiveSource(path)).open(), options);
    const images = scan.files.has("index.json") ? ociImages(scan) : scan.files.has("manifest.json") ? dockerImages(scan) : undefined;
    if (!images) throw new ArchiveError("is no image archive: it has neither index.json (OCI) nor manifest.json (docker save)");
    if (!images.length) throw new ArchiveError("has no image in it");
    const wanted = `linux/${architecture()}`;
    const strange = images.find((image) => image.platforms.length && !image.platforms.includes(wanted));
    if (strange) throw new ArchiveError(`has nothing for ${wanted}: ${strange.names[0] ?? "its image"} is for ${strange.platforms.join(", ")}`);
    return images;
  } catch (error) {
    if (error instanceof ArchiveError) throw new Error(`${path} ${error.message}`, { cause: error });
    throw error;
  }
}

function parse<T>(file: ArchiveFile | undefined, what: string): T {
  if (!file) throw new ArchiveError(`is not whole: ${what} is missing`);
  try {
    const value: unknown = JSON.parse(file.content?.toString("utf8") ?? "");
    if (typeof value === "object" && value !== null) return value as T;
  } catch {
    // Said below, in the same words for whatever else it may be.
  }
  throw new ArchiveError(`is damaged: ${what} is not JSON`);
}

function blob(scan: ArchiveScan, descriptor: Descriptor): ArchiveFile | undefined {
  const { digest, size } = descriptor;
  if (typeof digest !== "string" || !/^sha(256|512):[0-9a-f]+$/.test(digest)) throw new ArchiveError(`is damaged: ${JSON.stringify(digest)} is no digest`);
  const file = scan.files.get(`blobs/${digest.replace(":", "/")}`);
  if (file && file.size !== size) throw new ArchiveError(`is damaged: its blob ${digest} has ${file.size} bytes, not ${size}`);
  return file;
}

const spelled = ({ os = "linux", architecture: arch = "unknown" }: Platform): string => `${os}/${arch}`;

function ociImages(scan: ArchiveScan): ArchiveImage[] {
  const index = parse<Manifest>(scan.files.get("index.json"), "index.json");
  return (index.manifests ?? []).map((descriptor) => {
    const { "io.containerd.image.name": full, "org.opencontainers.image.ref.name": reference } = descriptor.annotations ?? {};
    const name = full ?? (reference?.includes("/") ? reference : undefined);
    const platforms = new Set<string>();
    platformsOf(scan, descriptor, platforms, 0);
    return { names: name ? [name] : [], platforms: [...platforms] };
  });
}

function platformsOf(scan: ArchiveScan, descriptor: Descriptor, into: Set<string>, depth: number): void {
  if (depth > deepest) throw new ArchiveError("is refused: its indexes are nested too deep");
  const file = blob(scan, descriptor);
  const { platform } = descriptor;
  if (!file) {
    // An index may name platforms that were left out.
    if (depth > 0 && platform && spelled(platform) !== `linux/${architecture()}`) return;
    throw new ArchiveError(`is not whole: the manifest ${descriptor.digest} is missing`);
  }
  const manifest = parse<Manifest>(file, `the manifest ${descriptor.digest}`);
  if (manifest.manifests) {
    for (const child of manifest.manifests) platformsOf(scan, child, into, depth + 1);
    return;
  }
  for (const part of [manifest.config, ...(manifest.layers ?? [])])
    if (part && !isForeign(part.mediaType) && !blob(scan, part)) throw new ArchiveError(`is not whole: the blob ${part.digest} is missing`);
  const config = manifest.config && blob(scan, manifest.config);
  if (!config) throw new ArchiveError(`is damaged: the manifest ${descriptor.digest} has no config`);
  const found = platform?.architecture && platform.architecture !== "unknown" ? platform : config.content ? parse<Platform>(config, "a config") : {};
  if (found.architecture && found.architecture !== "unknown") into.add(spelled(found));
}

function dockerImages(scan: ArchiveScan): ArchiveImage[] {
  const list = parse<{ Config?: string; RepoTags?: string[] | null; Layers?: string[] }[]>(scan.files.get("manifest.json"), "manifest.json");
  if (!Array.isArray(list)) throw new ArchiveError("is damaged: manifest.json is no list");
  return list.map(({ Config = "", RepoTags, Layers = [] }) => {
    const config = scan.files.get(Config);
    const platform = parse<Platform>(config, `the config ${JSON.stringify(Config)}`);
    const hex = /^([0-9a-f]{64})\.json$/.exec(Config)?.[1];
    if (hex && config?.digest !== `sha256:${hex}`) throw new ArchiveError(`is damaged: its config ${hex} has the digest ${config?.digest}`);
    for (const layer of Layers) if (!scan.files.has(layer)) throw new ArchiveError(`is not whole: the layer ${JSON.stringify(layer)} is missing`);
    return { names: RepoTags ?? [], platforms: [spelled(platform)] };
  });
}
