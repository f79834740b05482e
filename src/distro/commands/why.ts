import { resolve } from "node:path";
import type { Command } from "commander";
import { adminKubeconfig } from "./kubeconfig.ts";
import { UsageError, withDataDir } from "./options.ts";

interface Flags {
  dataDir: string;
  kubeconfig?: string;
  namespace: string;
  output?: string;
}

export function registerWhy(program: Command): void {
  const why = program.command("why").description("why something is as it is");
  withDataDir(why.command("pod"))
    .description("what keeps a pod from having a node: on how many nodes, by which rule, and the smallest change that would place it")
    .argument("<name>", "of the pod")
    .option("-n, --namespace <namespace>", "of the pod", "default")
    .option("--kubeconfig <file>", "of another cluster")
    .option("-o, --output <format>", "json")
    .action(async (name: string, { dataDir, kubeconfig, namespace, output }: Flags) => {
      if (output !== undefined && output !== "json") throw new UsageError(`-o ${output}: json is the only format besides text`, 2);
      const [{ readWhy, formatWhy }, { readAdminClient }, { systemClock }, { systemRandom }] = await Promise.all([
        import("../why.ts"),
        import("../admin-client.ts"),
        import("../../base/clock.ts"),
        import("../../base/random.ts"),
      ]);
      const client = readAdminClient(kubeconfig === undefined ? adminKubeconfig(dataDir) : resolve(kubeconfig), systemClock);
      try {
        const answer = await readWhy({ client, clock: systemClock, random: systemRandom, namespace, name });
        if (!answer) throw new UsageError(`no pod ${JSON.stringify(name)} in namespace ${JSON.stringify(namespace)}`);
        process.stdout.write(output === "json" ? `${JSON.stringify(answer, null, 2)}\n` : formatWhy(answer));
      } finally {
        await client.transport[Symbol.asyncDispose]();
      }
    });
}
