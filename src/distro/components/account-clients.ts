/**
 * Clients with the identities of service accounts in kube-system, as --use-service-account-credentials asks: short-lived
 * tokens from TokenRequest, renewed when a fifth of their life is left (client-go's DynamicClientBuilder).
 */
import { isAlreadyExists, isNotFound } from "../../api/status.ts";
import type { TokenRequest } from "../../api/types/authentication-v1.gen.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Client } from "../../client/client.ts";
import { createHttpTransport, type HttpTransportOptions } from "../../client/http-transport.ts";
import { serviceaccounts } from "../../client/resources.gen.ts";
import { createClient } from "../../client/rest.ts";
import type { ClientMetrics } from "./client-metrics.ts";

const namespace = "kube-system";
const lifetimeSeconds = 3600;
const retry = 5000;

export interface AccountClientsOptions {
  /** May create service accounts and their tokens. */
  client: Client;
  /** Its identity is replaced. */
  connection: HttpTransportOptions;
  clock: Clock;
  logger: Logger;
  signal: AbortSignal;
  metrics?: ClientMetrics;
}

export class AccountClients {
  readonly #options: AccountClientsOptions;
  readonly #tokens = new Map<string, string>();
  readonly #renewing: Promise<void>[] = [];
  readonly #transports: AsyncDisposable[] = [];
  constructor(options: AccountClientsOptions) {
    this.#options = options;
  }

  /** Resolves when each account has a token; keeps them fresh from then on. */
  async prepare(accounts: Iterable<string>): Promise<void> {
    await Promise.all(
      [...new Set(accounts)].map(async (account) => {
        const lifetime = await this.#renew(account);
        this.#renewing.push(this.#keep(account, lifetime));
      }),
    );
  }

  /** For an account that was prepared. */
  client(account: string, userAgent: string): Client {
    const { server, clock, tls } = this.#options.connection;
    const transport = createHttpTransport({
      server,
      clock,
      ...(tls
        ? {
            tls: () => {
              const { cert: _cert, key: _key, ...rest } = tls();
              return rest;
            },
          }
        : {}),
      token: () => this.#tokens.get(account),
    });
    this.#transports.push(transport);
    return createClient(this.#options.metrics?.measure(transport, server) ?? transport, { userAgent });
  }

  /** Resolves when nothing is on its way any more; the signal must have aborted. */
  async close(): Promise<void> {
    await Promise.all(this.#renewing);
    await Promise.all(this.#transports.map((transport) => transport[Symbol.asyncDispose]()));
  }

  async #keep(account: string, first: number): Promise<void> {
    const { clock, logger, signal } = this.#options;
    let wait = first;
    while (!signal.aborted) {
      await clock.sleep(wait, signal).catch(() => {});
      if (signal.aborted) return;
      try {
        wait = await this.#renew(account);
      } catch (error) {
        if (signal.aborted) return;
        logger.warn("the token was not renewed, will be tried again", { account, error });
        wait = retry;
      }
    }
  }

  /** Gives the milliseconds after which it is to be renewed. */
  async #renew(account: string): Promise<number> {
    const { client, clock, signal } = this.#options;
    const api = client.resource(serviceaccounts);
    const ask = (): Promise<TokenRequest> =>
      api.subresource(
        "POST",
        namespace,
        account,
        "token",
        { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: lifetimeSeconds } },
        signal,
      );
    let answer: TokenRequest;
    try {
      answer = await ask();
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await api.create(namespace, { metadata: { name: account, namespace } }, { signal }).catch((refusal: unknown) => {
        if (!isAlreadyExists(refusal)) throw refusal;
      });
      answer = await ask();
    }
    this.#tokens.set(account, answer.status.token);
    return Math.max(retry, (Date.parse(answer.status.expirationTimestamp) - clock.now()) * 0.8);
  }
}
