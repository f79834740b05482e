/** Where audit events go: the current context of a kubeconfig (`--audit-webhook-config-file`), over verified TLS. */
import type { Clock } from "../../base/clock.ts";
import { readKubeconfig } from "../outside/kubeconfig.ts";
import { KubeconfigWebhook } from "../outside/kubeconfig-webhook.ts";
import type { OutgoingSeries } from "../outside/post.ts";

/** Milliseconds for an answer. */
const patience = 30_000;

/** Sends a body; rejects for every answer but 2xx. Throws for a file that names no HTTPS server. */
export function auditTarget(file: string, clock: Clock): (body: Buffer, signal: AbortSignal, outgoing?: OutgoingSeries) => Promise<void> {
  const target = readKubeconfig(file);
  if (target.server.protocol !== "https:") throw new Error(`${JSON.stringify(target.server.href)} is no https URL: audit events do not leave unencrypted`);
  if (target.insecure) throw new Error("insecure-skip-tls-verify is not supported: give certificate-authority");
  const webhook = new KubeconfigWebhook({ target, clock, timeout: patience });
  return async (body, signal, outgoing) => void (await webhook.ask(body, signal, outgoing));
}
