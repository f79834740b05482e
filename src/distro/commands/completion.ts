import { Argument, type Command } from "commander";
import { componentEntries } from "./components.ts";

const shells = ["bash", "zsh", "fish"] as const;

export function registerCompletion(program: Command): void {
  program
    .command("completion")
    .description("print a script that completes commands and flags in a shell")
    .addArgument(new Argument("<shell>", "bash, zsh or fish").choices(shells))
    .addHelpText("after", "\nExamples:\n  source <(k8ts completion bash)\n  source <(k8ts completion zsh)\n  k8ts completion fish | source\n")
    .action(async (shell: (typeof shells)[number]) => {
      const { completionTree } = await import("../completion/tree.ts");
      const components = await Promise.all(componentEntries.map(({ load }) => load()));
      const tree = completionTree(program, components);
      if (shell === "bash") process.stdout.write((await import("../completion/bash.ts")).bashCompletion(tree));
      else if (shell === "zsh") process.stdout.write((await import("../completion/zsh.ts")).zshCompletion(tree));
      else process.stdout.write((await import("../completion/fish.ts")).fishCompletion(tree));
    });
}
