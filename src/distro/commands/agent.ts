import type { Command } from "commander";
import { type SettingsOptions, settingsFrom, withSettings } from "./options.ts";

export function registerAgent(program: Command): void {
  withSettings(program.command("agent"))
    .description("this machine as a node in the foreground: containerd, kubelet, Services, pod network, DNS")
    .action(async (options: SettingsOptions) => {
      const { runAgent } = await import("../agent.ts");
      await runAgent(settingsFrom(options));
    });
}
