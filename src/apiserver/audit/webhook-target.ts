/** Where audit events go: the current context of a kubeconfig (`--audit-webhook-config-file`), over verified TLS. */
import { readFileSync } from "node:fs";
import { Agent, request as httpsRequest } from "node:https";
import { parseYAML } from "../../api/codec/yaml.ts";
import { credentialsOf } from "../admission/webhooks/credentials.ts";

interface Kubeconfig {
  clusters?: { name: string; cluster?: Record<string, unknown> & { server?: string } }[];
  contexts?: { name: string; context?: { cluster?: string } }[];
  "current-context"?: string;
}

/** Milliseconds for an answer. */
const patience = 30_000;

/** Sends a body; rejects for every answer but 2xx. Throws for a file that names no HTTPS server. */
export function auditTarget(file: string): (body: Buffer, signal: AbortSignal) => Promise<void> {
  const config = parseYAML(readFileSync(file)).value as Kubeconfig | null;
  const context = config?.contexts?.find(({ name }) => name === config["current-context"])?.context;
  const cluster = config?.clusters?.find(({ name }) => name === context?.cluster)?.cluster;
  if (!cluster?.server) throw new Error("its current context names no cluster with a server");
  if (!URL.canParse(cluster.server) || new URL(cluster.server).protocol !== "https:")
    throw new Error(`${JSON.stringify(cluster.server)} is no https URL: audit events do not leave unencrypted`);
  if (cluster["insecure-skip-tls-verify"]) throw new Error("insecure-skip-tls-verify is not supported: give certificate-authority");
  const data = cluster["certificate-authority-data"];
  const path = cluster["certificate-authority"];
  const ca = typeof data === "string" ? Buffer.from(data, "base64").toString("utf8") : typeof path === "string" ? readFileSync(path, "utf8") : undefined;
  const { token, cert, key, username, password } = credentialsOf(file)("");
  const url = new URL(cluster.server);
  const servername = cluster["tls-server-name"];
  const agent = new Agent({
    keepAlive: true,
    ...(ca ? { ca } : {}),
    ...(cert ? { cert, key } : {}),
    ...(typeof servername === "string" ? { servername } : {}),
  });
  const basic = username === undefined ? undefined : `Basic ${Buffer.from(`${username}:${password ?? ""}`).toString("base64")}`;
  const authorization = token ? `Bearer ${token}` : basic;
  return (body, signal) =>
    new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json", "content-length": body.length, ...(authorization ? { authorization } : {}) };
      const sent = httpsRequest(url, { method: "POST", agent, headers, signal, timeout: patience }, (answer) => {
        const { statusCode = 0 } = answer;
        // What it says is of no use; a long answer is not waited for.
        answer.resume();
        if (statusCode >= 200 && statusCode < 300) resolve();
        else reject(new Error(`the server answered ${statusCode}`));
      });
      sent.on("timeout", () => sent.destroy(new Error("no answer in time")));
      sent.on("error", reject);
      sent.end(body);
    });
}
