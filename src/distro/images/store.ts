/** The images of the node's containerd, through its own client `ctr`, in the namespace that the CRI reads. */
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CommandError, run } from "../../linux/command.ts";
import { archiveOf, type Image } from "./oci.ts";

export interface ImageRow {
  name: string;
  digest: string;
  size: string;
}

export class ImageStore {
  readonly #socket: string;
  readonly #scratch: string;
  /** `scratch` is a directory for archives on their way in. */
  constructor(socket: string, scratch: string) {
    this.#socket = socket;
    this.#scratch = scratch;
  }

  #ctr(...args: string[]): Promise<string> {
    return run("ctr", ["--address", this.#socket, "--namespace", "k8s.io", ...args]);
  }

  /** An OCI or Docker archive; gives the names it brought. Throws one sentence for a file that is none. */
  async importArchive(file: string): Promise<string[]> {
    if (!existsSync(file)) throw new Error(`${file} does not exist`);
    const before = new Map((await this.list()).map((row) => [row.name, row.digest]));
    try {
      await this.#ctr("images", "import", file);
    } catch (error) {
      const why = error instanceof CommandError ? error.stderr.trim().split("\n").at(-1) : String(error);
      throw new Error(`${file} could not be imported (${why}): it must be an OCI or Docker archive, as \`docker save\` writes it`);
    }
    return (await this.list()).filter((row) => before.get(row.name) !== row.digest).map((row) => row.name);
  }

  async importImage(image: Image): Promise<void> {
    const directory = await mkdtemp(join(this.#scratch, "import-"));
    try {
      const file = join(directory, "image.tar");
      await writeFile(file, await archiveOf([image]));
      await this.#ctr("images", "import", file);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  async has(name: string): Promise<boolean> {
    return (await this.#ctr("images", "ls", "-q", `name==${name}`)).trim() !== "";
  }

  /** Names only once: the CRI also files each image under its digest. */
  async list(): Promise<ImageRow[]> {
    const [, ...lines] = (await this.#ctr("images", "ls")).trim().split("\n");
    return lines
      .map((line) => line.split(/\s+/))
      .filter((cells) => cells[0] && !cells[0].startsWith("sha256:") && !cells[0].includes("@sha256:"))
      .map((cells) => ({ name: cells[0] as string, digest: cells[2] as string, size: `${cells[3]} ${cells[4]}` }));
  }

  async remove(name: string): Promise<void> {
    await this.#ctr("images", "rm", "--sync", name);
  }
}
