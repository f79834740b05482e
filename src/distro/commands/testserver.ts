import type { Command } from "commander";
import { count, seed, stageFiles, portOrAny } from "./options.ts";

interface TestServerFlags {
  nodes: number;
  stage?: string[];
  port: number;
  seed?: number;
  virtualClock?: boolean;
}

export function registerTestServer(program: Command): void {
  program
    .command("testserver")
    .description("a cluster in memory for tests in any language: prints where it is as JSON, ends when its standard input closes")
    .option("--nodes <count>", "how many simulated nodes", count, 1)
    .option("--stage <file>", "a file of kwok Stages instead of the built-in ones; may be repeated", stageFiles)
    .option("--port <port>", "port on 127.0.0.1; 0: any free one", portOrAny, 0)
    .option("--seed <number>", "the same names and uids every time", seed)
    .option("--virtual-clock", "time moves only when a line `advance MILLISECONDS` is written to standard input")
    .addHelpText(
      "after",
      '\nPrints one line once pods can be created:\n  {"kubeconfig":"/tmp/k8ts-.../kubeconfig","server":"https://127.0.0.1:40123"}\nwith --virtual-clock also one line after each advance:\n  {"now":"2026-01-01T00:00:30.000Z"}\n\nExamples:\n  see examples/go-test, examples/python-test, examples/typescript-test\n',
    )
    .action(async ({ stage, virtualClock, ...flags }: TestServerFlags) => {
      const { runTestServer } = await import("../test-server.ts");
      await runTestServer({ ...flags, stages: stage ?? [], virtual: virtualClock === true });
    });
}
