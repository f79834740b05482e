/** `k8ts image export|pull|push` */
import type { Command } from "commander";
import { systemClock } from "../../base/clock.ts";
import { readableSize } from "../images/present.ts";
import type { ImageStore } from "../images/store.ts";
import { pathsOf } from "../paths.ts";
import type { Progress } from "../progress.ts";
import { nameOf } from "./image-names.ts";
import { UsageError, withDataDir } from "./options.ts";

interface Context {
  open(dataDir: string): Promise<ImageStore>;
  progress(): Progress;
}

const percent = (note: (text: string) => void) => (done: number, total: number) => note(`${readableSize(done)} of ${readableSize(total)}`);

export function registerImageTransfers(image: Command, { open, progress }: Context): void {
  withDataDir(image.command("export <images...>"))
    .description("write images of the node into one archive, for docker load, skopeo, ctr and other nodes")
    .requiredOption("-o, --output <file>", "the archive: an OCI layout and docker's format at once")
    .addHelpText("after", "\nExample:\n  k8ts image export example/app:1 example/web:1 -o images.tar && docker load -i images.tar\n")
    .action(async (images: string[], options: { dataDir: string; output: string }) => {
      const store = await open(options.dataDir);
      const names = await Promise.all(images.map((one) => nameOf(store, one)));
      await progress().step(`export ${options.output}`, () => store.exportImages(names, options.output));
    });
  withDataDir(image.command("pull <image>"))
    .description("fetch an image into the node, as a pod would, or into a file")
    .option("-o, --output <file>", "write an OCI archive instead; needs no node")
    .option("--platform <os/arch>", "with --output: linux/arm64, or all")
    .addHelpText("after", "\nExamples:\n  k8ts image pull nginx:1.29\n  k8ts image pull registry.example:5000/app:1 -o app.tar --platform all\n")
    .action(async (wanted: string, options: { dataDir: string; output?: string; platform?: string }) => {
      const { credentialsFor, registryClient, remoteName } = await import("../images/remote.ts");
      const { architecture } = await import("../images/oci.ts");
      const name = remoteName(wanted);
      if (options.platform && !options.output) throw new UsageError("--platform is for archives: add --output FILE; the node takes its own platform");
      if (options.platform && !/^(all|[a-z0-9]+\/[a-z0-9]+)$/.test(options.platform))
        throw new UsageError(`${options.platform} is no platform such as linux/arm64`);
      const { output } = options;
      if (output) {
        const { pullToFile } = await import("../images/transfer.ts");
        const client = await registryClient(options.dataDir, name, systemClock);
        const platform = options.platform ?? `linux/${architecture()}`;
        const digest = await progress().step(`pull ${name.full}`, (note) => pullToFile(client, name, output, { platform, onProgress: percent(note) }));
        return void process.stdout.write(`${name.full.split("@")[0]}@${digest}\n`);
      }
      const store = await open(options.dataDir);
      const id = await progress().step(`pull ${name.full}`, async () => store.pull(name.full, await credentialsFor(options.dataDir, name.host)));
      process.stdout.write(`${name.full} ${id}\n`);
    });
  withDataDir(image.command("push <image> [name]"))
    .description("send an image of the node to a registry, under its own name or another")
    .addHelpText(
      "after",
      "\nExamples:\n  k8ts image push registry.example:5000/app:1\n  k8ts image push example/app:1 localhost:5000/docker.io/example/app:1\n",
    )
    .action(async (wanted: string, as: string | undefined, options: { dataDir: string }) => {
      const { registryClient, remoteName } = await import("../images/remote.ts");
      const { pushFromNode } = await import("../images/transfer.ts");
      const { connectContainerd } = await import("../../cri/containerd.ts");
      const store = await open(options.dataDir);
      const local = await nameOf(store, wanted);
      const name = remoteName(as ?? local);
      if (name.reference !== name.tag) throw new UsageError(`${name.full} cannot be pushed: give it a tag instead of a digest`);
      await using containerd = connectContainerd(pathsOf(options.dataDir).containerdSocket);
      const { image } = await containerd.images.call("Get", { name: local });
      const source = remoteName(local);
      const from = source.host === name.host && source.repository !== name.repository ? source.repository : undefined;
      const client = await registryClient(options.dataDir, name, systemClock);
      const digest = await progress().step(`push ${name.full}`, (note) =>
        pushFromNode(containerd, client, image.target, { tag: name.tag, from, onProgress: percent(note) }),
      );
      process.stdout.write(`${name.full}@${digest}\n`);
    });
}
