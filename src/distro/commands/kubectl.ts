import { spawnSync } from "node:child_process";
import { constants } from "node:os";
import type { Command } from "commander";
import { which } from "../packages.ts";
import { defaultSettings } from "../settings.ts";
import { adminKubeconfig } from "./kubeconfig.ts";
import { UsageError } from "./options.ts";

export function registerKubectl(program: Command): void {
  program
    .command("kubectl")
    .description("run the machine's kubectl on this cluster")
    .argument("[arguments...]", "kubectl's own; --data-dir DIRECTORY before them names another cluster")
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .option("--data-dir <directory>", "where the cluster keeps everything", defaultSettings().dataDir)
    .action((args: string[], options: { dataDir: string }) => {
      const kubectl = which("kubectl");
      if (!kubectl) {
        throw new UsageError(
          "kubectl is not on this machine and k8ts never downloads it: install version 1.35 to 1.37 as https://kubernetes.io/docs/tasks/tools/ says (with Go: go install k8s.io/kubernetes/cmd/kubectl), then run this again",
        );
      }
      const result = spawnSync(kubectl, args, { stdio: "inherit", env: { ...process.env, KUBECONFIG: adminKubeconfig(options.dataDir) } });
      if (result.error) throw result.error;
      process.exitCode = result.status ?? 128 + (constants.signals[result.signal as NodeJS.Signals] ?? 0);
    });
}
