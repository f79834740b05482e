/** A webhook that a kubeconfig names, asked at exactly the URL that stands there (k8s.io/apiserver/pkg/util/webhook/webhook.go). */
import { readFileSync } from "node:fs";
import { Agent as HttpAgent } from "node:http";
import { Agent, type AgentOptions } from "node:https";
import { isIP } from "node:net";
import { formatDuration } from "../../api/time.ts";
import type { Clock } from "../../base/clock.ts";
import type { KubeconfigTarget } from "./kubeconfig.ts";
import { type Answer, authorizationHeader, hostPort, post, type Posting } from "./post.ts";
import { refuseStatus } from "./refuse-status.ts";

export interface KubeconfigWebhookOptions {
  readonly target: KubeconfigTarget;
  readonly clock: Clock;
  /** Milliseconds for an answer. */
  readonly timeout: number;
}

const idleTime = 90_000;

export class KubeconfigWebhook implements Disposable {
  readonly #options: KubeconfigWebhookOptions;
  readonly #agent: HttpAgent;
  readonly #posting: Omit<Posting, "body">;

  constructor(options: KubeconfigWebhookOptions) {
    this.#options = options;
    const { target, timeout } = options;
    const { server, ca, insecure, serverName, cert, key } = target;
    const secure = server.protocol === "https:";
    const host = server.hostname.replace(/^\[|\]$/g, "");
    const port = Number(server.port || (secure ? 443 : 80));
    const kept: AgentOptions = { keepAlive: true, maxFreeSockets: 25, timeout: idleTime };
    this.#agent = secure
      ? new Agent({
          ...kept,
          servername: serverName ?? (isIP(host) ? "" : host),
          rejectUnauthorized: !insecure,
          // Any certificate of the bundle is trusted, as Go has it: the webhook's own one, too, that no authority signed itself.
          ...(ca ? { ca, allowPartialTrustChain: true } : {}),
          ...(cert && key ? { cert, key } : {}),
        })
      : new HttpAgent(kept);
    const path = server.pathname;
    const query = `?timeout=${formatDuration(timeout)}`;
    this.#posting = {
      url: `${server.origin}${path === "/" ? "" : path}${query}`,
      host: serverName ?? host,
      port,
      secure,
      options: () => ({
        host,
        port,
        agent: this.#agent,
        path: `${path}${query}`,
        headers: { host: server.port ? hostPort(host, port) : host, "user-agent": "kube-apiserver", ...authorizationHeader(this.#identity()) },
      }),
    };
  }

  #identity(): KubeconfigTarget {
    const { target } = this.#options;
    return target.tokenFile ? { ...target, token: readFileSync(target.tokenFile, "utf8").trim() } : target;
  }

  /** An answer of success. Rejects with Unreachable, and with StatusError for every other answer. */
  async ask(body: Uint8Array, signal: AbortSignal): Promise<Answer> {
    const { clock, timeout } = this.#options;
    const answer = await post({ ...this.#posting, body }, { clock, timeout, signal });
    refuseStatus(answer);
    return answer;
  }

  /** Connections that are kept end. */
  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
