/** gRPC health checks (grpc.health.v1.Health/Check; upstream's pkg/probe/grpc). */
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { Clock } from "../../base/clock.ts";
import type { ProbeOutcome } from "./run-probe.ts";

const statuses = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

/** HealthCheckRequest{service = 1} */
function request(service: string): Buffer {
  const text = Buffer.from(service);
  if (!text.length) return text;
  const length: number[] = [];
  let rest = text.length;
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128);
  length.push(rest);
  return Buffer.concat([Buffer.from([10, ...length]), text]);
}

/** HealthCheckResponse{status = 1} */
const answerOf = (bytes: Buffer): string => (bytes[0] === 8 ? (statuses[bytes[1] ?? 0] ?? String(bytes[1])) : "UNKNOWN");

/** Never rejects. `seconds` bounds connection and answer together. */
export function grpcHealth(host: string, port: number, service: string, seconds: number, clock: Clock): Promise<ProbeOutcome> {
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const client = new Client(address, credentials.createInsecure(), { "grpc.enable_retries": 0, "grpc.primary_user_agent": "kube-probe/1.36" });
  const failure = (output: string): ProbeOutcome => ({ result: "failure", output });
  return new Promise<ProbeOutcome>((resolve) => {
    const deadline = clock.now() + seconds * 1000;
    client.waitForReady(deadline, (error) => {
      if (error) return resolve(failure(`timeout: failed to connect service ${JSON.stringify(address)} within ${seconds}s: context deadline exceeded`));
      client.makeUnaryRequest(
        "/grpc.health.v1.Health/Check",
        request,
        answerOf,
        service,
        new Metadata(),
        { deadline },
        (failed: ServiceError | null, answer?: string) => {
          if (failed) resolve(failure(wording(failed, seconds)));
          else if (answer === "SERVING") resolve({ result: "success", output: "service healthy" });
          else resolve(failure(`service unhealthy (responded with ${JSON.stringify(answer)})`));
        },
      );
    });
  }).finally(() => client.close());
}

function wording(error: ServiceError, seconds: number): string {
  if (error.code === status.UNIMPLEMENTED) return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${error.details}`;
  if (error.code === status.DEADLINE_EXCEEDED) return `timeout: health rpc did not complete within ${seconds}s`;
  return `error: health rpc probe failed: rpc error: code = ${status[error.code]} desc = ${error.details}`;
}
