/** Each component alone. Its flags are a table of its own; commander only hands the arguments over. */
import type { Command } from "commander";
import type { Component } from "../components/flags.ts";
import { helpText, parseFlags } from "../components/flags.ts";

interface Entry {
  name: string;
  summary: string;
  load(): Promise<Component>;
}

/** Loaded when called: a table is of no use to the other commands. */
export const componentEntries: readonly Entry[] = [
  { name: "apiserver", summary: "the API server alone", load: async () => (await import("../components/apiserver.ts")).component as unknown as Component },
  {
    name: "controller-manager",
    summary: "the controllers alone",
    load: async () => (await import("../components/controller-manager.ts")).component as unknown as Component,
  },
  { name: "scheduler", summary: "the scheduler alone", load: async () => (await import("../components/scheduler.ts")).component as unknown as Component },
  { name: "kubelet", summary: "this machine's kubelet alone", load: async () => (await import("../components/kubelet.ts")).component as unknown as Component },
  {
    name: "proxy",
    summary: "the Services of this machine alone",
    load: async () => (await import("../components/proxy.ts")).component as unknown as Component,
  },
  { name: "dns", summary: "the cluster's DNS server alone", load: async () => (await import("../components/dns.ts")).component as unknown as Component },
];

export function registerComponents(program: Command): void {
  for (const { name, summary, load } of componentEntries) {
    program
      .command(name)
      .description(`${summary}, with the upstream component's flags`)
      .helpOption(false)
      .allowUnknownOption()
      .allowExcessArguments()
      .argument("[flags...]")
      .action(async (_: string[], __: object, command: Command) => {
        const component = await load();
        const args = command.args;
        if (args.some((arg) => ["--help", "-h", "help"].includes(arg))) process.stdout.write(helpText(component));
        else if (args.includes("--version")) process.stdout.write("Kubernetes v1.36.3\n");
        else await component.run(parseFlags(component, args));
      });
  }
}
