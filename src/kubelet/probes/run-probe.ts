/** One probe of one container (upstream's pkg/kubelet/prober/prober.go and pkg/probe). */
import { connect } from "node:net";
import type { Container, Probe } from "../../api/types/core-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { CriClient } from "../../cri/client.ts";
import { expand } from "../expansion.ts";
import { ExecTimeout, execInContainer } from "../hooks.ts";
import { containerPort, headersOf, httpGet, urlOf } from "../http-get.ts";
import { grpcHealth } from "./grpc-health.ts";

export interface ProbeOutcome {
  result: "success" | "warning" | "failure";
  output: string;
}

export interface ProbeTarget {
  cri: CriClient;
  clock: Clock;
  container: Container;
  containerId: string;
  podIP: string;
}

const maxOutput = 10 * 1024;
const quote = JSON.stringify;

/** Rejects when the probe could not be made at all: that says nothing about the container. */
export async function runProbe(probe: Probe, target: ProbeTarget): Promise<ProbeOutcome> {
  const seconds = probe.timeoutSeconds ?? 1;
  if (probe.exec) return execProbe(probe.exec.command ?? [], seconds, target);
  const limit = new AbortController();
  const timer = target.clock.after(seconds * 1000, () => limit.abort(new Error("timeout")));
  try {
    if (probe.httpGet) return await httpProbe(probe.httpGet, target, limit.signal);
    if (probe.tcpSocket) return await tcpProbe(probe.tcpSocket.host || target.podIP, containerPort(probe.tcpSocket.port, target.container), limit.signal);
    if (probe.grpc) return await grpcHealth(target.podIP, probe.grpc.port, probe.grpc.service ?? "", seconds, target.clock);
    throw new Error("missing probe handler");
  } finally {
    timer.cancel();
  }
}

async function execProbe(command: string[], seconds: number, target: ProbeTarget): Promise<ProbeOutcome> {
  const env = new Map((target.container.env ?? []).map((e) => [e.name, e.value ?? ""]));
  try {
    const expanded = command.map((part) => expand(part, (name) => env.get(name)));
    const { exitCode, output } = await execInContainer(target.cri, target.containerId, expanded, seconds);
    return { result: exitCode === 0 ? "success" : "failure", output: output.slice(0, maxOutput) };
  } catch (error) {
    if (error instanceof ExecTimeout) return { result: "failure", output: error.message };
    throw error;
  }
}

async function httpProbe(action: NonNullable<Probe["httpGet"]>, target: ProbeTarget, signal: AbortSignal): Promise<ProbeOutcome> {
  const url = urlOf(action, target.container, target.podIP);
  try {
    const { status, body } = await httpGet(url, headersOf(action, "kube-probe/1.36"), signal);
    if (status >= 300 && status < 400) return { result: "warning", output: `Probe terminated redirects, Response body: ${body}` };
    if (status >= 200 && status < 300) return { result: "success", output: body };
    return { result: "failure", output: `HTTP probe failed with statuscode: ${status}` };
  } catch (error) {
    const why = signal.aborted
      ? "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
      : networkError(error, url.hostname, Number(url.port));
    return { result: "failure", output: `Get ${quote(url.href)}: ${why}` };
  }
}

/** As Go words it. */
function networkError(error: unknown, host: string, port: number): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const words: Record<string, string> = {
    ECONNREFUSED: "connect: connection refused",
    EHOSTUNREACH: "connect: no route to host",
    ENETUNREACH: "connect: network is unreachable",
    ETIMEDOUT: "i/o timeout",
  };
  const known = code && words[code];
  if (known) return `dial tcp ${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}: ${known}`;
  return code === "ECONNRESET" ? "EOF" : message;
}

function tcpProbe(host: string, port: number, signal: AbortSignal): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal });
    const finish = (outcome: ProbeOutcome): void => {
      socket.destroy();
      resolve(outcome);
    };
    socket.on("connect", () => finish({ result: "success", output: "" }));
    socket.on("error", (error) => {
      const output = signal.aborted ? `dial tcp ${host}:${port}: i/o timeout` : networkError(error, host, port);
      finish({ result: "failure", output });
    });
  });
}
