import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { type Command, Option } from "commander";
import { systemClock } from "../../base/clock.ts";
import { outputFormats, type OutputFormat, presentImages, readableSize } from "../images/present.ts";
import type { ImageStore } from "../images/store.ts";
import { pathsOf } from "../paths.ts";
import { Progress } from "../progress.ts";
import { nameOf, noImage } from "./image-names.ts";
import { registerImageTransfers } from "./image-transfer.ts";
import { UsageError, withDataDir } from "./options.ts";

const bars = (): Progress => new Progress(process.stderr, systemClock);

export function registerImage(program: Command): void {
  const image = program.command("image").description("the images of this node: build, import, export, pull, push, list, tag, remove");
  registerBuild(image);
  registerImageTransfers(image, { open: openNode, progress: bars });
  withDataDir(image.command("import <files...>"))
    .description("bring archives into the node: OCI layouts (tar or directory) or what docker save writes, gzip and zstd too")
    .option("-t, --tag <name>", "name of the image, for an archive with one image")
    .addHelpText(
      "after",
      "\nEach archive is read and verified whole before anything of it is taken.\n\nExamples:\n  docker save my/app:1 -o app.tar && k8ts image import app.tar\n  k8ts image import ./oci-layout --tag example/app:1\n",
    )
    .action(async (files: string[], options: { dataDir: string; tag?: string }) => {
      const store = await openNode(options.dataDir);
      for (const file of files) {
        const names = await bars().step(`import ${file}`, (note) => {
          let done = 0;
          const onBytes = (count: number): void => {
            done += count;
            note(`${readableSize(done)} verified`);
          };
          return store.importArchive(file, { onBytes, ...(options.tag ? { tag: options.tag } : {}) });
        });
        for (const name of names) process.stdout.write(`${name}\n`);
      }
    });
  withDataDir(image.command("ls").alias("list"))
    .description("list the images")
    .addOption(new Option("-o, --output <format>", "how it is written").choices([...outputFormats]))
    .addHelpText("after", "\nExamples:\n  k8ts image ls\n  k8ts image ls -o wide\n  k8ts image ls -o json | jq -r '.[].names[]'\n")
    .action(async (options: { dataDir: string; output?: OutputFormat }) => {
      process.stdout.write(await presentImages(await (await openNode(options.dataDir)).list(), options.output));
    });
  withDataDir(image.command("tag <image> <name>"))
    .description("give an image another name")
    .addHelpText("after", "\nExample:\n  k8ts image tag example/app:1 example/app:stable\n")
    .action(async (wanted: string, name: string, options: { dataDir: string }) => {
      const store = await openNode(options.dataDir);
      const { qualified } = await import("../images/build.ts");
      await store.tag(await nameOf(store, wanted), qualified(name));
    });
  withDataDir(image.command("rm <images...>"))
    .description("remove images, by name, digest or id")
    .option("-f, --force", "also when containers were made of them")
    .addHelpText("after", "\nExamples:\n  k8ts image rm example/app:1\n  k8ts image rm 3f5a1d0c2b7e\n")
    .action(async (wanted: string[], options: { dataDir: string; force?: boolean }) => {
      const store = await openNode(options.dataDir);
      for (const one of wanted) {
        const found = await store.find(one);
        if (!found) throw noImage(one);
        const last = !found.name || found.image.names.length <= 1;
        if (last && found.image.containers && !options.force)
          throw new UsageError(`${one} is what ${found.image.containers} containers were made of: delete their pods first, or use --force`);
        await store.remove(found);
        process.stdout.write(`${found.name ?? found.image.id}\n`);
      }
    });
}

function registerBuild(image: Command): void {
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

Examples:
  k8ts image build ./web
  k8ts image build ./web --tag example/web:2 -o web.tar
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
      } else await (await openNode(options.dataDir)).importImage(built);
      process.stdout.write(`${built.name}\n`);
    });
}

async function openNode(dataDir: string): Promise<ImageStore> {
  const paths = pathsOf(dataDir);
  const serves = await new Promise<boolean>((resolve) => {
    const socket = connect(paths.containerdSocket);
    socket.on("connect", () => socket.end(() => resolve(true)));
    socket.on("error", () => resolve(false));
  });
  if (!serves) throw new UsageError(`no containerd serves ${paths.containerdSocket}: start the cluster with \`k8ts up\``);
  mkdirSync(paths.images, { recursive: true, mode: 0o700 });
  const { ImageStore } = await import("../images/store.ts");
  return new ImageStore(paths.containerdSocket, paths.images);
}
