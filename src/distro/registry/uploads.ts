/** Blobs on their way in: written as they come, hashed on the way, never held in memory. */
import type { Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { RegistryError } from "./errors.ts";
import { type Algorithm, type Digest, hasher } from "./names.ts";
import type { RegistryStorage } from "./storage.ts";

interface Upload {
  id: string;
  repository: string;
  size: number;
  algorithm: Algorithm;
  hash: Hash;
  file: FileHandle;
  busy: boolean;
  touched: number;
}

/** Milliseconds after which an upload that nobody goes on with is dropped. */
const patience = 3600_000;

export class Uploads {
  readonly #storage: RegistryStorage;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #open = new Map<string, Upload>();
  constructor(storage: RegistryStorage, clock: Clock, random: Random) {
    this.#storage = storage;
    this.#clock = clock;
    this.#random = random;
  }
  async begin(repository: string, algorithm: Algorithm): Promise<string> {
    const now = this.#clock.monotonic();
    for (const old of this.#open.values()) if (!old.busy && now - old.touched > patience) await this.#drop(old);
    const id = this.#random.uuid();
    const file = await open(this.#storage.uploadPath(id), "wx", 0o600);
    this.#open.set(id, { id, repository, size: 0, algorithm, hash: hasher(algorithm), file, busy: false, touched: now });
    return id;
  }
  #find(repository: string, id: string): Upload {
    const upload = this.#open.get(id);
    if (upload?.repository !== repository) throw new RegistryError("BLOB_UPLOAD_UNKNOWN", "there is no such upload: begin again");
    return upload;
  }
  /** Bytes that have come. Throws RegistryError. */
  size(repository: string, id: string): number {
    return this.#find(repository, id).size;
  }
  /** Takes what follows. What had come when it fails stays, and `size` tells how much. */
  async append(repository: string, id: string, body: AsyncIterable<Uint8Array>, range: { start: number; end: number } | undefined): Promise<number> {
    const upload = this.#find(repository, id);
    if (upload.busy) throw new RegistryError("BLOB_UPLOAD_INVALID", "another request writes to this upload");
    if (range && range.start !== upload.size)
      throw new RegistryError("BLOB_UPLOAD_INVALID", `the upload goes on at ${upload.size}, not at ${range.start}`, { status: 416 });
    upload.busy = true;
    try {
      for await (const chunk of body) {
        // At its place: what a failed write left behind is written over.
        for (let at = 0; at < chunk.length; ) at += (await upload.file.write(chunk, at, chunk.length - at, upload.size + at)).bytesWritten;
        upload.hash.update(chunk);
        upload.size += chunk.length;
      }
      if (range && upload.size !== range.end + 1) throw new RegistryError("SIZE_INVALID", "the chunk is not as long as Content-Range says");
      return upload.size;
    } finally {
      upload.busy = false;
      upload.touched = this.#clock.monotonic();
    }
  }
  /** Makes it a blob of the repository; an upload with another digest is dropped. */
  async finish(repository: string, id: string, digest: Digest): Promise<void> {
    const upload = this.#find(repository, id);
    try {
      await upload.file.truncate(upload.size);
      await upload.file.sync();
      const actual = digest.algorithm === upload.algorithm ? upload.hash.digest("hex") : await this.#again(upload, digest.algorithm);
      if (actual !== digest.hex) throw new RegistryError("DIGEST_INVALID", `the content has the digest ${digest.algorithm}:${actual}`);
      await this.#storage.addBlob(repository, digest, this.#storage.uploadPath(id));
    } finally {
      await this.#drop(upload);
    }
  }
  async #again(upload: Upload, algorithm: Algorithm): Promise<string> {
    const hash = hasher(algorithm);
    for await (const chunk of createReadStream(this.#storage.uploadPath(upload.id))) hash.update(chunk as Buffer);
    return hash.digest("hex");
  }
  async cancel(repository: string, id: string): Promise<void> {
    await this.#drop(this.#find(repository, id));
  }
  async #drop(upload: Upload): Promise<void> {
    this.#open.delete(upload.id);
    await upload.file.close();
    await rm(this.#storage.uploadPath(upload.id), { force: true });
  }
  async [Symbol.asyncDispose](): Promise<void> {
    for (const upload of [...this.#open.values()]) await this.#drop(upload);
  }
}
