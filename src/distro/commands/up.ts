import type { Command } from "commander";
import type { ServingFlags } from "../settings.ts";
import {
  type SettingsOptions,
  settingsFrom,
  type SimulateFlags,
  simulateFrom,
  UsageError,
  withDataDir,
  withServing,
  withSettings,
  withSimulation,
} from "./options.ts";

export function registerUp(program: Command): void {
  withSimulation(withServing(withSettings(program.command("up"))))
    .description("start a cluster on this machine; safe to repeat")
    .addHelpText(
      "after",
      "\nExamples:\n  sudo k8ts up\n  sudo k8ts up --disable proxy,dns\n  k8ts up --simulate --port 7443 --data-dir /tmp/k8ts\n  k8ts up --simulate --nodes 100 --stage slow-pods.yaml\n  sudo k8ts up --feature-gates=ClusterTrustBundle=true --runtime-config=certificates.k8s.io/v1beta1/clustertrustbundles=true\n",
    )
    .action(async (options: SettingsOptions & SimulateFlags & ServingFlags) => {
      const settings = settingsFrom(options);
      const simulate = simulateFrom(options);
      if (process.platform !== "linux" && !simulate) throw new UsageError("real containers need Linux: run it on a Linux machine, or `k8ts up --simulate`");
      if (process.getuid?.() !== 0 && !simulate)
        throw new UsageError("containers need root: run `sudo k8ts up`, or start the same control plane with a simulated node: `k8ts up --simulate`");
      const { up } = await import("../up.ts");
      await up(settings, { ...(simulate ? { simulate } : {}), serving: options });
    });
  withDataDir(program.command("down"))
    .description("stop the cluster and its containers; keeps all data")
    .action(async ({ dataDir }: { dataDir: string }) => {
      const { down } = await import("../down.ts");
      await down(dataDir);
    });
  withDataDir(program.command("reset"))
    .description("stop the cluster, delete its data, and give the machine back as it was before `up`")
    .action(async ({ dataDir }: { dataDir: string }) => {
      const { reset } = await import("../down.ts");
      await reset(dataDir);
    });
}
