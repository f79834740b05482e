/** `k8ts`: the command line. Each command's work is loaded when it is called, so that help and version are immediate. */
import { Command } from "commander";
import { registerAgent } from "./commands/agent.ts";
import { registerCompletion } from "./commands/completion.ts";
import { registerComponents } from "./commands/components.ts";
import { registerImage } from "./commands/image.ts";
import { registerKubeconfig } from "./commands/kubeconfig.ts";
import { registerKubectl } from "./commands/kubectl.ts";
import { UsageError } from "./commands/options.ts";
import { registerRegistry } from "./commands/registry.ts";
import { registerServer } from "./commands/server.ts";
import { registerStatus } from "./commands/status.ts";
import { registerTestServer } from "./commands/testserver.ts";
import { registerUp } from "./commands/up.ts";
import { registerVersion } from "./commands/version.ts";
import { registerWhy } from "./commands/why.ts";
import { exitConfiguration } from "./daemon.ts";
import { showSourcesInStacks } from "./source-stacks.ts";

if (import.meta.filename.endsWith(".js")) showSourcesInStacks();

const program = new Command("k8ts")
  .description("Kubernetes v1.36, the whole system, in TypeScript")
  .helpCommand(true)
  .showSuggestionAfterError()
  .enablePositionalOptions()
  .addHelpText(
    "after",
    "\nExamples:\n  k8ts up                      a real cluster on this machine (root)\n  k8ts up --simulate           the same control plane with a simulated node (no root)\n  k8ts kubectl get pods -A     the machine's kubectl, pointed at the cluster\n  k8ts down; k8ts reset        stop it; take it away\n",
  );

for (const register of [
  registerUp,
  registerStatus,
  registerWhy,
  registerKubeconfig,
  registerKubectl,
  registerImage,
  registerRegistry,
  registerTestServer,
  registerVersion,
  registerServer,
  registerAgent,
  registerComponents,
  registerCompletion,
])
  register(program);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`k8ts: ${error instanceof Error ? error.message : String(error)}\n`);
  if (process.env.K8TS_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exitCode = error instanceof UsageError ? error.exitCode : process.argv[2] === "server" || process.argv[2] === "agent" ? exitConfiguration : 1;
}
// What a command owns has been disposed of by now; a back-off that somebody still sleeps through must not keep it alive.
process.exit();
