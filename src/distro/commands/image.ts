import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import type { Command } from "commander";
import { ImageStore } from "../images/store.ts";
import { pathsOf } from "../paths.ts";
import { UsageError, withDataDir } from "./options.ts";

export function registerImage(program: Command): void {
  const image = program.command("image").description("the images of this node: import, build, list, remove");
  withDataDir(image.command("import <files...>"))
    .description("bring OCI or Docker archives (tar) into the node")
    .addHelpText("after", "\nExample:\n  docker save my/app:1 -o app.tar && k8ts image import app.tar\n")
    .action(async (files: string[], options: { dataDir: string }) => {
      const store = await open(options.dataDir);
      for (const file of files) for (const name of await store.importArchive(file)) process.stdout.write(`${name}\n`);
    });
  withDataDir(image.command("build <directory>"))
    .description("build an image from a directory with an image.yaml, without a registry; packages come from the distribution's mirror")
    .option("-t, --tag <name>", "name of the image; overrides the file's")
    .option("-o, --output <file>", "write an OCI archive instead of bringing it into the node")
    .addHelpText(
      "after",
      `
image.yaml:
  name: example/web:1              reference with tag
  packages: [nginx-light]          Debian packages, with what they depend on (needs mmdebstrap)
  copy: {site: usr/share/nginx/html}   files and directories beside image.yaml -> place in the image
  run: [nginx, -g, daemon off;]    what the container runs
  env: {KEY: value}                user: "101"    workdir: /srv    ports: [80]
`,
    )
    .action(async (directory: string, options: { dataDir: string; tag?: string; output?: string }) => {
      const { buildImage } = await import("../images/build.ts");
      const { archiveOf } = await import("../images/oci.ts");
      const note = (text: string): void => void process.stderr.write(`${text}\n`);
      const built = await buildImage(directory, { ...(options.tag ? { name: options.tag } : {}), note });
      if (options.output) {
        const { writeFileAtomic } = await import("../files.ts");
        writeFileAtomic(options.output, await archiveOf([built]));
      } else await (await open(options.dataDir)).importImage(built);
      process.stdout.write(`${built.name}\n`);
    });
  withDataDir(image.command("ls"))
    .description("list the images")
    .option("-o, --output <format>", "json")
    .action(async (options: { dataDir: string; output?: string }) => {
      const rows = await (await open(options.dataDir)).list();
      if (options.output === "json") return void process.stdout.write(`${JSON.stringify(rows)}\n`);
      const width = Math.max(4, ...rows.map((r) => r.name.length));
      process.stdout.write(`${"NAME".padEnd(width)}  ${"DIGEST".padEnd(19)}  SIZE\n`);
      for (const row of rows) process.stdout.write(`${row.name.padEnd(width)}  ${row.digest.slice(0, 19)}  ${row.size}\n`);
    });
  withDataDir(image.command("rm <names...>"))
    .description("remove images")
    .action(async (names: string[], options: { dataDir: string }) => {
      const store = await open(options.dataDir);
      for (const name of names) {
        if (!(await store.has(name))) throw new UsageError(`no image ${name}: \`k8ts image ls\` lists what is there`);
        await store.remove(name);
      }
    });
}

async function open(dataDir: string): Promise<ImageStore> {
  const paths = pathsOf(dataDir);
  const serves = await new Promise<boolean>((resolve) => {
    const socket = connect(paths.containerdSocket);
    socket.on("connect", () => socket.end(() => resolve(true)));
    socket.on("error", () => resolve(false));
  });
  if (!serves) throw new UsageError(`no containerd serves ${paths.containerdSocket}: start the cluster with \`k8ts up\``);
  mkdirSync(paths.images, { recursive: true, mode: 0o700 });
  return new ImageStore(paths.containerdSocket, paths.images);
}
