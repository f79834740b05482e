import type { Command } from "commander";
import type { ServingFlags } from "../settings.ts";
import { type SettingsOptions, settingsFrom, type SimulateFlags, simulateFrom, withServing, withSettings, withSimulation } from "./options.ts";

export function registerServer(program: Command): void {
  withSimulation(withServing(withSettings(program.command("server"))))
    .description("the control plane in the foreground: API server, controllers, scheduler")
    .addHelpText("after", "\nExample:\n  k8ts server --data-dir /var/lib/k8ts --runtime-config=networking.k8s.io/v1beta1=true\n")
    .action(async (options: SettingsOptions & SimulateFlags & ServingFlags) => {
      const simulate = simulateFrom(options);
      const { runServer } = await import("../server.ts");
      await runServer(settingsFrom(options), { ...(simulate ? { simulate } : {}), serving: options });
    });
}
