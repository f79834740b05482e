/** Image archives as one tar stream: a tar, gzip'ed or zstd'ed, or a directory with an OCI layout. */
import { createReadStream, type Dirent } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline, type Readable, type Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import tar from "tar-stream";

/** What is wrong with an archive, as the end of a sentence that begins with its name. */
export class ArchiveError extends Error {
  override name = "ArchiveError";
}

export type Packing = "none" | "gzip" | "zstd";

const starts = (bytes: Uint8Array, hex: string): boolean => Buffer.from(bytes).toString("hex", 0, hex.length / 2) === hex;

/** By the first bytes. Throws ArchiveError for a packing that is known, but not read here. */
export function packingOf(head: Uint8Array): Packing {
  if (starts(head, "1f8b")) return "gzip";
  if (starts(head, "28b52ffd")) return "zstd";
  if (starts(head, "fd377a585a00")) throw new ArchiveError("is packed with xz, which is not read: unpack it first");
  if (starts(head, "425a68")) throw new ArchiveError("is packed with bzip2, which is not read: unpack it first");
  return "none";
}

export const unpacker = (packing: Exclude<Packing, "none">): Transform => (packing === "gzip" ? createGunzip() : createZstdDecompress());

export interface ArchiveSource {
  /** A plain tar that others may open by its path. */
  plain: boolean;
  /** From the beginning, each time. What goes wrong with the file is the stream's error. */
  open(): Readable;
}

/** Rejects with one sentence when there is nothing to read. */
export async function archiveSource(path: string): Promise<ArchiveSource> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw error.code === "ENOENT" ? new Error(`${path} does not exist`) : error;
  });
  if (found.isDirectory()) return { plain: false, open: () => packDirectory(path) };
  await using file = await open(path);
  const head = Buffer.alloc(8);
  await file.read(head, 0, head.length, 0);
  const packing = packingOf(head);
  const read = (): Readable => createReadStream(path, { highWaterMark: 1024 * 1024 });
  if (packing === "none") return { plain: true, open: read };
  return { plain: false, open: () => pipeline(read(), unpacker(packing), () => undefined) as unknown as Readable };
}

/** Only what belongs to a layout; links are taken for nothing, so that no file outside is read. */
function packDirectory(directory: string): Readable {
  const pack = tar.pack();
  const add = async (): Promise<void> => {
    for (const name of ["oci-layout", "index.json"]) await addFile(pack, directory, name);
    const entries = await readdir(join(directory, "blobs"), { recursive: true, withFileTypes: true });
    const isFile = (entry: Dirent): boolean => entry.isFile();
    for (const entry of entries.filter(isFile))
      await addFile(pack, directory, join(entry.parentPath, entry.name).slice(directory.replace(/\/+$/, "").length + 1));
    pack.finalize();
  };
  add().catch((error: NodeJS.ErrnoException) =>
    pack.destroy(error.code === "ENOENT" ? new ArchiveError(`is no OCI layout: ${error.path ?? "a file"} is missing`) : error),
  );
  return pack as unknown as Readable;
}

async function addFile(pack: tar.Pack, directory: string, name: string): Promise<void> {
  const path = join(directory, name);
  const { size } = await stat(path);
  const entry = pack.entry({ name, size, mode: 0o644, mtime: new Date(0) });
  await new Promise<void>((resolve, reject) => {
    entry.on("error", reject);
    entry.on("close", resolve);
    createReadStream(path).on("error", reject).pipe(entry);
  });
}
