/** The images of the node's containerd: through its own client `ctr` where archives are read and written, through the CRI for the rest. */
import { spawn } from "node:child_process";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Clock, systemClock } from "../../base/clock.ts";
import { type CriClient, CriError, connectCri } from "../../cri/client.ts";
import { CommandError, run } from "../../linux/command.ts";
import { filesystemUsage } from "../../linux/machine.ts";
import { assertReplaceable } from "../files.ts";
import { readArchive } from "./archive.ts";
import { archiveSource } from "./archive-source.ts";
import { qualified } from "./build.ts";
import { archiveOf, type Image } from "./oci.ts";

export interface NodeImage {
  /** With tags; empty for an image that is known by its digest alone. */
  names: string[];
  /** `name@sha256:...` */
  digests: string[];
  id: string;
  /** Bytes, as they are stored. */
  size: number;
  pinned: boolean;
  /** Containers that were made of it. */
  containers: number;
}

/** How long the CRI may take to notice what `ctr` has done. */
const noticeLimit = 10_000;

export class ImageStore {
  readonly #socket: string;
  readonly #scratch: string;
  readonly #clock: Clock;
  /** `scratch` is a directory for archives on their way in. */
  constructor(socket: string, scratch: string, clock: Clock = systemClock) {
    this.#socket = socket;
    this.#scratch = scratch;
    this.#clock = clock;
  }
  readonly #base = (): string[] => ["--address", this.#socket, "--namespace", "k8s.io"];
  #ctr(...args: string[]): Promise<string> {
    return run("ctr", [...this.#base(), ...args]);
  }
  async #cri<T>(work: (cri: CriClient) => Promise<T>): Promise<T> {
    await using cri = connectCri(this.#socket, this.#clock);
    return await work(cri);
  }

  /**
   * An OCI or Docker archive, or a directory with an OCI layout; gives the names it brought. It is read and verified whole
   * first. `tag` names the image of an archive that has one image. Throws one sentence for what is none.
   */
  async importArchive(file: string, options: { tag?: string; onBytes?: (count: number) => void } = {}): Promise<string[]> {
    const { available } = filesystemUsage(this.#scratch);
    const images = await readArchive(file, { mostUnpacked: available, ...(options.onBytes ? { onBytes: options.onBytes } : {}) });
    const names = [...new Set(images.flatMap((image) => image.names.map((name) => qualified(name))))];
    if (options.tag && images.length !== 1) throw new Error(`${file} has ${images.length} images: --tag is for archives with one`);
    if (!names.length && !options.tag) throw new Error(`${file} does not say what its image is called: name it with --tag example/app:1`);
    const source = await archiveSource(file);
    const before = options.tag ? new Set(await this.#names()) : undefined;
    try {
      const naming = names.length ? [] : ["--digests", "--base-name", "k8ts.local/import"];
      if (source.plain) await this.#ctr("images", "import", ...naming, file);
      else await this.#feed(source.open(), ["images", "import", ...naming, "-"]);
    } catch (error) {
      const why = error instanceof CommandError ? error.stderr.trim().split("\n").at(-1) : String(error);
      throw new Error(`${file} could not be imported (${why})`, { cause: error });
    }
    if (options.tag && before)
      return [
        await this.#rename(
          names[0] ?? (await this.#names()).find((name) => !before.has(name) && name.startsWith("k8ts.local/import@")) ?? "",
          qualified(options.tag),
          before,
        ),
      ];
    await Promise.all(names.map((name) => this.#noticed(name)));
    return names;
  }
  /** The name that an archive brought along goes again, unless it was there before. */
  async #rename(from: string, to: string, before: ReadonlySet<string>): Promise<string> {
    if (!from) throw new Error(`the image was imported before under another name: \`k8ts image tag\` names it anew`);
    if (from !== to) {
      await this.#ctr("images", "tag", "--force", from, to);
      if (!before.has(from)) await this.#ctr("images", "rm", from);
    }
    await this.#noticed(to);
    return to;
  }
  async #names(): Promise<string[]> {
    return (await this.#ctr("images", "ls", "-q")).split("\n").filter(Boolean);
  }
  async #feed(source: Readable, args: string[]): Promise<void> {
    const child = spawn("ctr", [...this.#base(), ...args], { stdio: ["pipe", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const ended = new Promise<number>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (status) => resolve(status ?? 1));
    });
    const [fed, status] = await Promise.allSettled([pipeline(source, child.stdin), ended]);
    if (status.status === "rejected") throw status.reason;
    if (status.value !== 0) throw new CommandError("ctr images import", stderr, status.value);
    if (fed.status === "rejected") throw fed.reason;
  }
  /** Pods find an image when the CRI knows it, which is a moment after `ctr` is done. */
  async #noticed(name: string): Promise<void> {
    const deadline = this.#clock.monotonic() + noticeLimit;
    await this.#cri(async (cri) => {
      while (!(await cri.call("ImageStatus", { image: { image: name } })).image?.id) {
        if (this.#clock.monotonic() > deadline) throw new Error(`${name} was imported, but the container runtime does not show it`);
        await this.#clock.sleep(20);
      }
    });
  }

  async importImage(image: Image): Promise<void> {
    const directory = await mkdtemp(join(this.#scratch, "import-"));
    try {
      const file = join(directory, "image.tar");
      await writeFile(file, await archiveOf([image]));
      await this.#ctr("images", "import", file);
      await this.#noticed(image.name);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
  /** Writes an archive that is an OCI layout and what `docker load` reads at once. */
  async exportImages(names: readonly string[], file: string): Promise<void> {
    assertReplaceable(file);
    const beside = `${file}.part`;
    try {
      await this.#ctr("images", "export", beside, ...names);
      await rename(beside, file);
    } catch (error) {
      await rm(beside, { force: true });
      const why = error instanceof CommandError ? error.stderr.trim().split("\n").at(-1) : (error as Error).message;
      throw new Error(`${names.join(", ")} could not be exported (${why})`, { cause: error });
    }
  }
  async tag(from: string, to: string): Promise<void> {
    await this.#ctr("images", "tag", "--force", from, to);
    await this.#noticed(to);
  }
  async has(name: string): Promise<boolean> {
    return (await this.#ctr("images", "ls", "-q", `name==${name}`)).trim() !== "";
  }
  /** Through the CRI, as a pod would. Resolves to the image's id. */
  async pull(name: string, auth: { username: string; password: string; identityToken?: string } | undefined, signal?: AbortSignal): Promise<string> {
    try {
      return await this.#cri(async (cri) => {
        const request = { image: { image: name }, ...(auth ? { auth } : {}) };
        return (await cri.call("PullImage", request, { timeout: 24 * 3600_000, ...(signal ? { signal } : {}) })).imageRef;
      });
    } catch (error) {
      throw error instanceof CriError ? new Error(`${name} could not be pulled: ${error.details}`, { cause: error }) : error;
    }
  }

  async list(): Promise<NodeImage[]> {
    const [{ images }, { containers }] = await this.#cri((cri) => Promise.all([cri.call("ListImages", {}), cri.call("ListContainers", {})]));
    const uses = Map.groupBy(containers, (container) => container.imageRef);
    return images
      .map((image) => ({
        names: [...image.repoTags].sort(),
        digests: [...image.repoDigests].sort(),
        id: image.id,
        size: image.size,
        pinned: image.pinned,
        containers: uses.get(image.id)?.length ?? 0,
      }))
      .sort((a, b) => ((a.names[0] ?? a.digests[0] ?? a.id) < (b.names[0] ?? b.digests[0] ?? b.id) ? -1 : 1));
  }
  /** By name, `name@digest`, digest, or an id that may be cut short. Undefined when none or several fit. */
  async find(wanted: string): Promise<{ image: NodeImage; name?: string } | undefined> {
    const all = await this.list();
    const hex = /^(?:sha256:)?([0-9a-f]{6,64})$/.exec(wanted)?.[1];
    const byId =
      hex === undefined ? [] : all.filter((image) => image.id.startsWith(`sha256:${hex}`) || image.digests.some((d) => d.includes(`@sha256:${hex}`)));
    if (byId.length === 1) return { image: byId[0] as NodeImage };
    if (wanted.includes("@")) {
      const [name = "", digest = ""] = wanted.split("@");
      const full = `${qualified(name).replace(/:[^/:]*$/, "")}@${digest}`;
      const image = all.find((one) => one.digests.includes(full));
      return image && { image };
    }
    const name = qualified(wanted);
    const image = all.find((one) => one.names.includes(name));
    return image && { image, name };
  }
  /** Takes a name away, and the image with its last one; without a name, the whole image. */
  async remove({ image, name }: { image: NodeImage; name?: string }): Promise<void> {
    if (name && image.names.length > 1) await this.#ctr("images", "rm", "--sync", name);
    else await this.#cri((cri) => cri.call("RemoveImage", { image: { image: image.id } }));
  }
}
