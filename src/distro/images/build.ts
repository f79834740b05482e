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
const known = ["name", "packages", "copy", "run", "args", "env", "user", "workdir", "ports"];

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
  let value: unknown;
  try {
    value = load(readFileSync(path, "utf8"));
  } catch (error) {
    fail(
      (error as NodeJS.ErrnoException).code === "ENOENT"
        ? `${path} does not exist: \`k8ts image build --help\` shows what it holds`
        : `${path}: ${(error as Error).message.split("\n")[0]}`,
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(`${path} must be a mapping with the keys ${known.join(", ")}`);
  for (const key of Object.keys(value)) if (!known.includes(key)) fail(`${path}: unknown key ${JSON.stringify(key)}; known are ${known.join(", ")}`);
  const build = value as BuildFile;
  for (const key of ["packages", "run", "args", "ports"] as const)
    if (build[key] !== undefined && !Array.isArray(build[key])) fail(`${path}: ${key} must be a list`);
  for (const key of ["copy", "env"] as const)
    if (build[key] !== undefined && (typeof build[key] !== "object" || Array.isArray(build[key]))) fail(`${path}: ${key} must be a mapping`);
  return build;
}

/** As containerd names it: a registry and a tag are always there. */
export function qualified(name: string): string {
  const first = name.split("/")[0] as string;
  const registry = name.includes("/") && (first.includes(".") || first.includes(":") || first === "localhost");
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
  const stat = lstatSync(from);
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
