/** Commands in containers, and lifecycle hooks (upstream's pkg/kubelet/lifecycle/handlers.go). */
import type { Container, LifecycleHandler, Pod } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import { type CriClient, CriError } from "../cri/client.ts";
import { headersOf, httpGet, urlOf } from "./http-get.ts";
import { formatPod } from "./pod.ts";

export interface ExecResult {
  exitCode: number;
  /** Standard output and error, one after the other. */
  output: string;
}

/** A command that took too long. */
export class ExecTimeout extends Error {
  override name = "ExecTimeout";
}

/** Runs a command in a running container. `timeout` in seconds, 0 for none. Rejects with ExecTimeout and as the runtime does. */
export async function execInContainer(cri: CriClient, containerId: string, command: string[], timeout: number, signal?: AbortSignal): Promise<ExecResult> {
  try {
    const wait = timeout > 0 ? timeout * 1000 + 5000 : 24 * 3600_000;
    const answer = await cri.call("ExecSync", { containerId, cmd: command, timeout }, { timeout: wait, signal });
    return { exitCode: answer.exitCode, output: Buffer.concat([answer.stdout, answer.stderr]).toString("utf8") };
  } catch (error) {
    if (error instanceof CriError && error.deadlineExceeded)
      throw new ExecTimeout(`command timed out: ${error.message}: command ${JSON.stringify(command.join(" "))} timed out`);
    throw error;
  }
}

export interface HookContext {
  cri: CriClient;
  clock: Clock;
  podIP: string;
  signal: AbortSignal;
}

/** Rejects with the text that upstream shows in the container's status. */
export async function runHook(context: HookContext, pod: Pod, container: Container, containerId: string, hook: LifecycleHandler): Promise<void> {
  const where = `for Container ${JSON.stringify(container.name)} in Pod ${JSON.stringify(formatPod(pod))} failed - error:`;
  if (hook.exec) {
    const command = hook.exec.command ?? [];
    const shown = `[${command.join(" ")}]`;
    let result: ExecResult;
    try {
      result = await execInContainer(context.cri, containerId, command, 0, context.signal);
    } catch (error) {
      throw new Error(`Exec lifecycle hook (${shown}) ${where} ${(error as Error).message}, message: ""`);
    }
    if (result.exitCode !== 0) {
      const why = `command '${command.join(" ")}' exited with ${result.exitCode}: ${result.output}`;
      throw new Error(`Exec lifecycle hook (${shown}) ${where} ${why}, message: ${JSON.stringify(result.output)}`);
    }
  } else if (hook.httpGet) {
    try {
      const url = urlOf(hook.httpGet, container, context.podIP);
      await httpGet(url, headersOf(hook.httpGet, "kube-lifecycle/1.36"), context.signal);
    } catch (error) {
      throw new Error(`HTTP lifecycle hook (${hook.httpGet.path ?? ""}) ${where} ${(error as Error).message}`);
    }
  } else if (hook.sleep) {
    try {
      await context.clock.sleep(hook.sleep.seconds * 1000, context.signal);
    } catch {
      throw new Error(`Sleep lifecycle hook (${hook.sleep.seconds}) ${where} container terminated before sleep hook finished`);
    }
  } else throw new Error("Cannot run handler: invalid handler");
}
