/**
 * A registry's content on disk. Content lies once under its digest; a repository has hard links to what it holds, so that
 * content goes when the last repository lets it go. Everything appears in one step: a reader sees the whole or nothing.
 *
 *     blobs/ALGORITHM/HEX
 *     uploads/ID
 *     repositories/NAME/{_blobs,_manifests}/ALGORITHM/HEX, _types/ALGORITHM/HEX, _tags/TAG, _referrers/ALGORITHM/HEX/DIGEST
 *
 * No part of a repository's name begins with an underscore.
 */
import { link, mkdir, open, readdir, readFile, rename, rm, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Descriptor, Manifest } from "./manifest.ts";
import { type Digest, isTag, parseDigest } from "./names.ts";

export interface StoredManifest {
  bytes: Buffer;
  mediaType: string;
  digest: string;
}

const text = ({ algorithm, hex }: Digest): string => `${algorithm}:${hex}`;
const fileOf = ({ algorithm, hex }: Digest): string => `${algorithm}/${hex}`;

/** Undefined instead of a rejection for what is not there. */
async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

export class RegistryStorage {
  readonly #root: string;
  #last: Promise<unknown> = Promise.resolve();
  #written = 0;
  private constructor(root: string) {
    this.#root = root;
  }
  /** Uploads of an earlier process are gone: their clients begin again. */
  static async open(root: string): Promise<RegistryStorage> {
    await rm(join(root, "uploads"), { recursive: true, force: true });
    for (const part of ["uploads", "blobs/sha256", "blobs/sha512", "repositories"]) await mkdir(join(root, part), { recursive: true, mode: 0o700 });
    return new RegistryStorage(root);
  }
  uploadPath(id: string): string {
    return join(this.#root, "uploads", id);
  }
  #repository(name: string, part: string): string {
    return join(this.#root, "repositories", name, part);
  }
  #content(digest: Digest): string {
    return join(this.#root, "blobs", fileOf(digest));
  }
  /** Changes follow one another: what one finds is still so when it writes. */
  #change<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
  async #write(path: string, content: string | Uint8Array): Promise<void> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const beside = join(this.#root, "uploads", `.write-${++this.#written}`);
    await using file = await open(beside, "w", 0o600);
    await file.writeFile(content);
    await file.sync();
    await rename(beside, path);
  }
  async hasRepository(name: string): Promise<boolean> {
    const entries = await ifThere(readdir(this.#repository(name, "")));
    return entries?.some((entry) => entry.startsWith("_")) ?? false;
  }
  async repositories(): Promise<string[]> {
    const root = join(this.#root, "repositories");
    const entries = await readdir(root, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && entry.name === "_manifests")
      .map((entry) => entry.parentPath.slice(root.length + 1))
      .sort();
  }

  async blob(name: string, digest: Digest): Promise<{ path: string; size: number } | undefined> {
    const path = this.#repository(name, `_blobs/${fileOf(digest)}`);
    const found = await ifThere(stat(path));
    return found?.isFile() ? { path, size: found.size } : undefined;
  }
  /** Takes an upload whose digest has been verified. */
  addBlob(name: string, digest: Digest, upload: string): Promise<void> {
    return this.#change(async () => {
      const content = this.#content(digest);
      if (await ifThere(stat(content))) await unlink(upload);
      else await rename(upload, content);
      await this.#link(name, digest);
    });
  }
  async #link(name: string, digest: Digest): Promise<void> {
    const path = this.#repository(name, `_blobs/${fileOf(digest)}`);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await link(this.#content(digest), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
  /** False when there is no such content, or not in the repository `from`. */
  mount(name: string, digest: Digest, from: string | undefined): Promise<boolean> {
    return this.#change(async () => {
      const source = from === undefined ? await ifThere(stat(this.#content(digest))) : await this.blob(from, digest);
      if (!source) return false;
      await this.#link(name, digest);
      return true;
    });
  }
  /** False when the repository has none. */
  deleteBlob(name: string, digest: Digest): Promise<boolean> {
    return this.#change(async () => {
      const path = this.#repository(name, `_blobs/${fileOf(digest)}`);
      if (!(await ifThere(stat(path)))) return false;
      await unlink(path);
      if ((await ifThere(stat(this.#content(digest))))?.nlink === 1) await unlink(this.#content(digest));
      return true;
    });
  }

  putManifest(name: string, digest: Digest, bytes: Uint8Array, manifest: Manifest, tags: string[]): Promise<void> {
    return this.#change(async () => {
      await this.#write(this.#repository(name, `_types/${fileOf(digest)}`), manifest.mediaType);
      await this.#write(this.#repository(name, `_manifests/${fileOf(digest)}`), bytes);
      const subject = manifest.subject === undefined ? undefined : parseDigest(manifest.subject);
      if (subject) {
        const { mediaType, artifactType, annotations } = manifest;
        const referrer: Descriptor = {
          mediaType,
          digest: text(digest),
          size: bytes.length,
          ...(artifactType ? { artifactType } : {}),
          ...(annotations ? { annotations } : {}),
        };
        await this.#write(this.#repository(name, `_referrers/${fileOf(subject)}/${digest.algorithm}-${digest.hex}`), JSON.stringify(referrer));
      }
      for (const tag of tags) await this.#write(this.#repository(name, `_tags/${tag}`), text(digest));
    });
  }
  /** By tag or digest. */
  async manifest(name: string, reference: string): Promise<StoredManifest | undefined> {
    const tagged = isTag(reference) ? await ifThere(readFile(this.#repository(name, `_tags/${reference}`), "utf8")) : reference;
    const digest = tagged === undefined ? undefined : parseDigest(tagged);
    if (!digest) return undefined;
    const bytes = await ifThere(readFile(this.#repository(name, `_manifests/${fileOf(digest)}`)));
    const mediaType = await ifThere(readFile(this.#repository(name, `_types/${fileOf(digest)}`), "utf8"));
    return bytes && mediaType ? { bytes, mediaType, digest: text(digest) } : undefined;
  }
  deleteTag(name: string, tag: string): Promise<boolean> {
    return this.#change(async () => (await ifThere(unlink(this.#repository(name, `_tags/${tag}`)).then(() => true))) ?? false);
  }
  /** With the tags that lead to it. */
  deleteManifest(name: string, digest: Digest): Promise<boolean> {
    return this.#change(async () => {
      const stored = await this.manifest(name, text(digest));
      if (!stored) return false;
      for (const tag of await this.tags(name))
        if ((await readFile(this.#repository(name, `_tags/${tag}`), "utf8")) === text(digest)) await unlink(this.#repository(name, `_tags/${tag}`));
      const subject = parseDigest((JSON.parse(stored.bytes.toString("utf8")) as { subject?: Descriptor }).subject?.digest ?? "");
      if (subject) await rm(this.#repository(name, `_referrers/${fileOf(subject)}/${digest.algorithm}-${digest.hex}`), { force: true });
      await unlink(this.#repository(name, `_manifests/${fileOf(digest)}`));
      await rm(this.#repository(name, `_types/${fileOf(digest)}`), { force: true });
      return true;
    });
  }
  /** In the order of their bytes. */
  async tags(name: string): Promise<string[]> {
    return ((await ifThere(readdir(this.#repository(name, "_tags")))) ?? []).sort();
  }
  async referrers(name: string, subject: Digest): Promise<Descriptor[]> {
    const directory = this.#repository(name, `_referrers/${fileOf(subject)}`);
    const files = ((await ifThere(readdir(directory))) ?? []).sort();
    const found = await Promise.all(files.map((file) => ifThere(readFile(join(directory, file), "utf8"))));
    return found.filter((one) => one !== undefined).map((one) => JSON.parse(one) as Descriptor);
  }
}
