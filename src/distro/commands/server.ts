import type { Command } from "commander";
import { type SettingsOptions, settingsFrom, type SimulateFlags, simulateFrom, withSettings, withSimulation } from "./options.ts";

export function registerServer(program: Command): void {
  withSimulation(withSettings(program.command("server")))
    .description("the control plane in the foreground: API server, controllers, scheduler")
    .action(async (options: SettingsOptions & SimulateFlags) => {
      const simulate = simulateFrom(options);
      const { runServer } = await import("../server.ts");
      await runServer(settingsFrom(options), { ...(simulate ? { simulate } : {}) });
    });
}
