/** One pass over an image archive: what is in it, by name, with digests; hostile content is refused on the way. */
import { createHash } from "node:crypto";
import { posix } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import tar from "tar-stream";
import { ArchiveError, packingOf, unpacker } from "./archive-source.ts";

export interface ArchiveFile {
  size: number;
  digest: string;
  /** Of what may be JSON and is not too long. */
  content?: Buffer;
}

export interface ArchiveScan {
  files: Map<string, ArchiveFile>;
  /** Bytes of all layers without their packing. */
  unpacked: number;
}

export interface ScanOptions {
  /** More than that, unpacked, is refused. */
  mostUnpacked: number;
  onBytes?: (count: number) => void;
  signal?: AbortSignal;
}

const longestJson = 8 * 1024 * 1024;
const digestLength = { sha256: 64, sha512: 128 } as const;

const inside = (path: string): string => {
  const clean = posix.normalize(path).replace(/\/+$/, "");
  if (clean.startsWith("/") || clean === ".." || clean.startsWith("../"))
    throw new ArchiveError(`is not safe: its entry ${JSON.stringify(path)} leads outside`);
  return clean;
};

/** Rejects with ArchiveError for what is no archive, is damaged or hostile. */
export async function scanArchive(stream: Readable, options: ScanOptions): Promise<ArchiveScan> {
  const scan: ArchiveScan = { files: new Map(), unpacked: 0 };
  const links = new Map<string, string>();
  const extract = tar.extract();
  const reading = pipeline(stream, extract as unknown as NodeJS.WritableStream, { signal: options.signal });
  reading.catch(() => undefined);
  try {
    for await (const entry of extract) {
      const { name: given, type, linkname, size = 0 } = entry.header;
      const name = inside(given);
      if (type === "symlink" || type === "link") links.set(name, inside(posix.join(type === "symlink" ? posix.dirname(name) : "", linkname ?? "")));
      else if (type === "file" || type === "contiguous-file") {
        if (scan.files.has(name) && !name.startsWith("blobs/")) throw new ArchiveError(`is not safe: it has two entries ${JSON.stringify(name)}`);
        scan.files.set(name, await readEntry(entry as unknown as AsyncIterable<Buffer>, name, size, scan, options));
        continue;
      } else if (type !== "directory") throw new ArchiveError(`is not safe: its entry ${JSON.stringify(given)} is a ${type}`);
      entry.resume();
    }
    await reading;
  } catch (error) {
    options.signal?.throwIfAborted();
    throw plain(error);
  }
  // Docker writes a layer that two images share as a link to the first.
  for (const [name, target] of links) {
    const file = scan.files.get(target);
    if (file && !scan.files.has(name)) scan.files.set(name, file);
  }
  return scan;
}

function plain(error: unknown): unknown {
  const { message = "", code = "" } = error as NodeJS.ErrnoException;
  if (error instanceof ArchiveError) return error;
  if (/unexpected end|premature/i.test(message) || code === "ERR_STREAM_PREMATURE_CLOSE" || code === "Z_BUF_ERROR") return new ArchiveError("is truncated");
  if (/invalid (tar )?header/i.test(message)) return new ArchiveError("is no tar, or a damaged one");
  if (code.startsWith("Z_") || code.startsWith("ZSTD_")) return new ArchiveError(`is damaged (${message})`);
  return error;
}

async function readEntry(entry: AsyncIterable<Buffer>, name: string, size: number, scan: ArchiveScan, options: ScanOptions): Promise<ArchiveFile> {
  const named = /^blobs\/(sha256|sha512)\/([0-9a-f]+)$/.exec(name);
  const algorithm = (named?.[1] ?? "sha256") as keyof typeof digestLength;
  const hash = createHash(algorithm);
  const kept: Buffer[] = [];
  const chunks = entry[Symbol.asyncIterator]();
  const head = await chunks.next();
  const first: Buffer = head.done ? Buffer.alloc(0) : head.value;
  const mayBeJson = size <= longestJson && (name.endsWith(".json") || name === "oci-layout" || first[0] === 0x7b);
  const all = async function* (): AsyncGenerator<Buffer> {
    for (let next = head; !next.done; next = await chunks.next()) {
      hash.update(next.value);
      if (mayBeJson) kept.push(next.value);
      options.onBytes?.(next.value.length);
      yield next.value;
    }
  };
  if (mayBeJson || (!named && !name.endsWith(".tar"))) for await (const _ of all());
  else scan.unpacked += await scanLayer(all(), first, { ...options, mostUnpacked: options.mostUnpacked - scan.unpacked });
  const hex = hash.digest("hex");
  if (named && named[2] !== hex) throw new ArchiveError(`is damaged: its blob ${algorithm}:${named[2]} has the digest ${algorithm}:${hex}`);
  return { size, digest: `${algorithm}:${hex}`, ...(mayBeJson ? { content: Buffer.concat(kept) } : {}) };
}

/** Unpacked bytes of a layer; 0 for a blob that is none. */
async function scanLayer(chunks: AsyncIterable<Buffer>, head: Buffer, options: ScanOptions): Promise<number> {
  const packing = packingOf(head);
  const isTar = head.toString("latin1", 257, 262) === "ustar";
  if (packing === "none" && !isTar) {
    for await (const _ of chunks);
    return 0;
  }
  let size = 0;
  const counted = async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      size += chunk.length;
      if (size > options.mostUnpacked) throw new ArchiveError(`is refused: unpacked it has more than the ${options.mostUnpacked} bytes that are free`);
      yield chunk;
    }
  };
  const extract = tar.extract();
  const source = Readable.from(chunks, { objectMode: false });
  const target = extract as unknown as NodeJS.WritableStream;
  const reading = packing === "none" ? pipeline(source, counted, target) : pipeline(source, unpacker(packing), counted, target);
  reading.catch(() => undefined);
  for await (const entry of extract) {
    inside(entry.header.name.replace(/^\/+/, ""));
    if (entry.header.type === "link") inside((entry.header.linkname ?? "").replace(/^\/+/, ""));
    entry.resume();
  }
  await reading;
  return size;
}
