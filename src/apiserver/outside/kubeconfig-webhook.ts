/** A webhook that a kubeconfig names, asked at exactly the URL that stands there (k8s.io/apiserver/pkg/util/webhook/webhook.go). */
import { Agent as HttpAgent } from "../../base/http1.ts";
import { Agent, type AgentOptions } from "node:https";
import { isIP } from "node:net";
import { formatDuration } from "../../api/time.ts";
import type { Clock } from "../../base/clock.ts";
import type { Hop, Posting } from "./follow.ts";
import type { KubeconfigTarget } from "./kubeconfig.ts";
import { identityHeaders } from "./kubeconfig-user.ts";
import { type Answer, type OutgoingSeries, post } from "./post.ts";
import { checkServerIdentity } from "./server-identity.ts";
import { refuseStatus } from "./refuse-status.ts";

export interface KubeconfigWebhookOptions {
  readonly target: KubeconfigTarget;
  readonly clock: Clock;
  /** Milliseconds for an answer. */
  readonly timeout: number;
  /** Counts what is asked. */
  readonly outgoing?: OutgoingSeries | undefined;
}

const idleTime = 90_000;

export class KubeconfigWebhook implements Disposable {
  readonly #options: KubeconfigWebhookOptions;
  readonly #secure: Agent;
  readonly #plain: HttpAgent;
  readonly #posting: Omit<Posting, "body">;

  constructor(options: KubeconfigWebhookOptions) {
    this.#options = options;
    const { target, timeout } = options;
    const { server, ca, insecure, cert, key } = target;
    const kept: AgentOptions = { keepAlive: true, maxFreeSockets: 25, timeout: idleTime };
    this.#secure = new Agent({
      ...kept,
      rejectUnauthorized: !insecure,
      checkServerIdentity,
      // Any certificate of the bundle is trusted, as Go has it: the webhook's own one, too, that no authority signed itself.
      ...(ca ? { ca, allowPartialTrustChain: true } : {}),
      ...(cert && key ? { cert, key } : {}),
    });
    this.#plain = new HttpAgent(kept);
    const path = server.pathname;
    const query = `?timeout=${formatDuration(timeout)}`;
    this.#posting = {
      ...this.#hop(server, `${path}${query}`, false),
      url: `${server.origin}${path === "/" ? "" : path}${query}`,
      elsewhere: (url, downgraded) => this.#hop(url, `${url.pathname}${url.search}`, downgraded),
    };
  }
  #hop(url: URL, path: string, downgraded: boolean): Hop {
    const { target } = this.#options;
    const secure = url.protocol === "https:";
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const port = Number(url.port || (secure ? 443 : 80));
    return {
      url: url.href,
      host: target.serverName ?? host,
      port,
      secure,
      options: () => ({
        host,
        port,
        agent: secure ? this.#secure : this.#plain,
        ...(secure ? { servername: target.serverName ?? (isIP(host) ? "" : host) } : {}),
        path,
        headers: { host: url.host, "user-agent": "kube-apiserver", ...(downgraded ? {} : identityHeaders(target)) },
      }),
    };
  }
  /** An answer of success. Rejects with Unreachable, and with StatusError for every other answer. */
  async ask(body: Uint8Array, signal: AbortSignal, outgoing = this.#options.outgoing): Promise<Answer> {
    const { clock, timeout } = this.#options;
    const answer = await post({ ...this.#posting, body }, { clock, timeout, signal, outgoing });
    refuseStatus(answer);
    return answer;
  }

  /** Connections that are kept end. */
  [Symbol.dispose](): void {
    this.#secure.destroy();
    this.#plain.destroy();
  }
}
