/** Builds an image from a directory that holds an image.yaml, offline but for the distribution's package mirror. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, normalize } from "node:path";
import { load } from "js-yaml";
import { run } from "../../linux/command.ts";
import { installPackages, which } from "../packages.ts";
import { type Image, type LayerFile, layerOf } from "./oci.ts";

interface BuildFile {
  name?: string;
  packages?: string[];
  copy?: Record<string, string>;
  run?: string[];
  args?: string[];
  env?: Record<string, string>;
  user?: string;
  workdir?: string;
  ports?: number[];
}

export interface BuildOptions {
  name?: string;
  note(text: string): void;
}

/** Throws one sentence for a mistake in image.yaml. */
export async function buildImage(directory: string, options: BuildOptions): Promise<Image> {
  const file = readBuildFile(join(directory, "image.yaml"));
  const name = qualified(options.name ?? file.name ?? fail(`${directory}/image.yaml has no name: add \`name: example/app:1\` or give --tag`));
  const layers: Uint8Array[] = [];
  if (file.packages?.length) layers.push(await packagesLayer(file.packages, options.note));
  const copied = Object.entries(file.copy ?? {}).flatMap(([from, to]) => tree(join(directory, from), relative(to)));
  if (copied.length) layers.push(await layerOf([...(file.packages?.length ? [] : parents(copied)), ...copied]));
  if (!layers.length) fail(`${directory}/image.yaml brings nothing: give it packages or copy`);
  return {
    name,
    layers,
    config: {
      ...(file.run ? { Entrypoint: file.run } : {}),
      ...(file.args ? { Cmd: file.args } : {}),
      ...(file.user ? { User: String(file.user) } : {}),
      ...(file.workdir ? { WorkingDir: file.workdir } : {}),
      ...(file.env
        ? { Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ...Object.entries(file.env).map(([k, v]) => `${k}=${v}`)] }
        : {}),
      ...(file.ports ? { ExposedPorts: Object.fromEntries(file.ports.map((p) => [`${p}/tcp`, {}])) } : {}),
    },
  };
}

function fail(message: string): never {
  throw new Error(message);
}

function readBuildFile(path: string): BuildFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      if (lstatSync(join(path, "../Dockerfile"), { throwIfNoEntry: false }))
        fail(
          `${path} does not exist, and Dockerfiles are not built here: write an image.yaml (\`k8ts image build --help\`), or build with another tool and \`k8ts image import\` what it saves`,
        );
      fail(`${path} does not exist: \`k8ts image build --help\` shows what it holds`);
    }
    throw error;
  }
  return parseBuildFile(text, path);
}

const isText = (value: unknown): boolean => typeof value === "string";
const isScalar = (value: unknown): boolean => ["string", "number", "boolean"].includes(typeof value);
const isPort = (value: unknown): boolean => Number.isInteger(value) && (value as number) > 0 && (value as number) < 65536;
const shapes: Record<keyof BuildFile, { is: "text" | "list" | "mapping"; of: (value: unknown) => boolean; words: string }> = {
  name: { is: "text", of: isText, words: "a text such as example/app:1" },
  packages: { is: "list", of: isText, words: "a list of package names" },
  copy: { is: "mapping", of: isText, words: "a mapping from files beside image.yaml to places in the image" },
  run: { is: "list", of: isText, words: "a list of texts" },
  args: { is: "list", of: isText, words: "a list of texts" },
  env: { is: "mapping", of: isScalar, words: "a mapping from names to values" },
  user: { is: "text", of: isScalar, words: "a user's name or number" },
  workdir: { is: "text", of: isText, words: "a path" },
  ports: { is: "list", of: isPort, words: "a list of numbers from 1 to 65535" },
};

/** `path` is for messages only. Throws one sentence for what is not an image.yaml. */
export function parseBuildFile(text: string, path: string): BuildFile {
  let value: unknown;
  try {
    value = load(text);
  } catch (error) {
    fail(`${path}: ${(error as Error).message.split("\n")[0]}`);
  }
  const known = Object.keys(shapes);
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(`${path} must be a mapping with the keys ${known.join(", ")}`);
  for (const [key, part] of Object.entries(value)) {
    const shape = Object.hasOwn(shapes, key)
      ? shapes[key as keyof BuildFile]
      : fail(`${path}: unknown key ${JSON.stringify(key)}; known are ${known.join(", ")}`);
    const isMapping = typeof part === "object" && part !== null && !Array.isArray(part);
    const parts = shape.is === "list" ? part : shape.is === "mapping" && isMapping ? Object.values(part as object) : [part];
    const fits = Array.isArray(parts) && (shape.is !== "mapping" || isMapping) && parts.every(shape.of);
    if (!fits) fail(`${path}: ${key} must be ${shape.words}`);
  }
  return value as BuildFile;
}

/** As containerd names it: a registry and a tag are always there. */
export function qualified(name: string): string {
  const first = name.split("/")[0] as string;
  const registry = name.includes("/") && (first.includes(".") || first.includes(":") || first === "localhost");
  const plain = name.length <= 255 && /^([a-zA-Z0-9][a-zA-Z0-9.-]*(:\d+)?\/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$/.test(name);
  if (!plain) fail(`${JSON.stringify(name)} is no image name: lower case, such as example/app:1`);
  const full = registry ? name : `docker.io/${name.includes("/") ? name : `library/${name}`}`;
  return full.slice(full.lastIndexOf("/")).includes(":") ? full : `${full}:latest`;
}

/** A minimal Debian root with the packages in it. */
async function packagesLayer(packages: string[], note: (text: string) => void): Promise<Uint8Array> {
  if (!which("mmdebstrap")) await installPackages(["mmdebstrap"], note);
  const scratch = await mkdtemp(join(tmpdir(), "k8ts-image-"));
  try {
    const target = join(scratch, "root.tar");
    const suite = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "bookworm";
    note(`collecting ${packages.join(", ")} from the ${suite} mirror`);
    await run("mmdebstrap", ["--mode=root", "--variant=essential", `--include=${packages.join(",")}`, suite, target]);
    return await readFile(target);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

const relative = (path: string): string => {
  const clean = normalize(path).replace(/^\/+/, "").replace(/\/+$/, "");
  return clean.startsWith("..") ? fail(`${path} leaves the image`) : clean;
};

function tree(from: string, to: string): LayerFile[] {
  const stat = lstatSync(from, { throwIfNoEntry: false }) ?? fail(`${from} does not exist: copy names files and directories beside image.yaml`);
  const mode = stat.mode & 0o7777;
  if (stat.isSymbolicLink()) return [{ name: to, mode: 0o777, type: "symlink", linkname: readlinkSync(from) }];
  if (stat.isDirectory()) {
    const inside = readdirSync(from)
      .sort()
      .flatMap((entry) => tree(join(from, entry), to ? `${to}/${entry}` : entry));
    return to ? [{ name: to, mode, type: "directory" }, ...inside] : inside;
  }
  if (!stat.isFile()) fail(`${from} is neither a file nor a directory nor a link`);
  return [{ name: to, mode, content: readFileSync(from) }];
}

/** Directories above the copied files: a layer that names only a deep file would leave their modes to chance. */
function parents(files: LayerFile[]): LayerFile[] {
  const given = new Set(files.map((f) => f.name));
  const names = new Set(
    files.flatMap((f) =>
      f.name
        .split("/")
        .slice(0, -1)
        .map((_, i, all) => all.slice(0, i + 1).join("/")),
    ),
  );
  return [...names]
    .filter((n) => !given.has(n))
    .sort()
    .map((name) => ({ name, mode: 0o755, type: "directory" }));
}
