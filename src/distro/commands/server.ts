import type { Command } from "commander";
import { type SettingsOptions, settingsFrom, withSettings } from "./options.ts";

export function registerServer(program: Command): void {
  withSettings(program.command("server"))
    .description("the control plane in the foreground: API server, controllers, scheduler")
    .option("--simulate", "with one simulated node inside")
    .action(async (options: SettingsOptions & { simulate?: boolean }) => {
      const { runServer } = await import("../server.ts");
      await runServer(settingsFrom(options), { simulate: options.simulate === true });
    });
}
