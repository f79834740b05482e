/** How a component on this machine is: /healthz of its secure port, whose certificate nobody has to know (pkg/probe/http). */
import { request } from "node:https";
import { goNetworkError } from "./network-error.ts";

/** What a component answers; `error`: the check itself failed. */
export interface ComponentHealth {
  healthy: boolean;
  message: string;
  error?: string;
}
/** Resolves within seconds, whatever the component does. */
export type ComponentCheck = () => Promise<ComponentHealth>;

/** Upstream's 20 s. */
const patienceMs = 20_000;
const maxBody = 10 * 1024;

export const healthOfPort =
  (port: number, host = "127.0.0.1"): ComponentCheck =>
  () =>
    new Promise<ComponentHealth>((resolve) => {
      const url = `https://${host}:${port}/healthz`;
      const failed = (why: string): void => resolve({ healthy: false, message: `Get "${url}": ${why}` });
      const options = { rejectUnauthorized: false, agent: false, headers: { "user-agent": "kube-probe/1.36", accept: "*/*" }, timeout: patienceMs } as const;
      const asked = request(url, options, (answer) => {
        let body = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk: string) => (body += chunk.slice(0, maxBody - body.length)));
        answer.on("error", (error) => failed(goNetworkError(error, { host, port })));
        answer.on("end", () => {
          const { statusCode = 0 } = answer;
          if (statusCode >= 200 && statusCode < 400) resolve({ healthy: true, message: body });
          else resolve({ healthy: false, message: `HTTP probe failed with statuscode: ${statusCode}` });
        });
      });
      asked.on("timeout", () => asked.destroy(new Error("context deadline exceeded (Client.Timeout exceeded while awaiting headers)")));
      asked.on("error", (error) => failed(goNetworkError(error, { host, port })));
      asked.end();
    });
