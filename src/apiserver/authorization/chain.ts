/**
 * The authorizers of a configuration, which may change while the server runs (pkg/kubeapiserver/authorizer). Those that know the
 * cluster stay; webhooks are made anew.
 */
import type { PolicyRule } from "../../api/types/rbac-v1.gen.ts";
import type { UserInfo } from "../../api/exchange.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Random } from "../../base/random.ts";
import type { Reader } from "../../cache/cache.ts";
import { ConfigurationError } from "../configuration-file.ts";
import type { WebhookAuthorizerSeries } from "../metrics/authorization.ts";
import { KubeconfigError, readKubeconfig } from "../outside/kubeconfig.ts";
import { KubeconfigWebhook } from "../outside/kubeconfig-webhook.ts";
import type { AbacAuthorizer } from "./abac.ts";
import { alwaysAllow, alwaysDeny } from "./always.ts";
import type { Asking, AuthorizationAttributes, Authorizer, ListedRules, RuleResolver } from "./authorizer.ts";
import type { AuthorizerSettings, AuthorizerType, WebhookSettings } from "./configuration.ts";
import { NodeAuthorizer } from "./node.ts";
import { NodeGraph } from "./node-graph.ts";
import { RbacAuthorizer } from "./rbac.ts";
import { privilegedAuthorizer, unionAuthorizer, unionRules } from "./union.ts";
import { WebhookAuthorizer } from "./webhook.ts";
import type { OutgoingSeries } from "../outside/post.ts";

export interface AuthorizationOptions {
  readonly reader: Reader;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Those of the bootstrap cluster role system:node. */
  readonly nodeRules: readonly PolicyRule[];
  /** In their order. */
  readonly authorizers: readonly AuthorizerSettings[];
  readonly abac?: AbacAuthorizer;
  readonly series: WebhookAuthorizerSeries;
  /** Counts questions to webhooks. */
  readonly outgoing?: OutgoingSeries;
  /** Around each of them. */
  counted?(authorizer: Authorizer, type: AuthorizerType, name: string): Authorizer;
}

type Both = Authorizer & RuleResolver;

interface Generation {
  readonly authorizer: Authorizer;
  readonly rules: RuleResolver;
  readonly webhooks: readonly KubeconfigWebhook[];
}

export class AuthorizerChain implements Authorizer, RuleResolver, Disposable {
  readonly #options: AuthorizationOptions;
  readonly #standing: Partial<Record<AuthorizerType, Both>>;
  #current: Generation;
  /** Asked about rights that are given on, whether or not it is one of the chain. */
  readonly rbac: RbacAuthorizer;
  /** Types that every later configuration must name. */
  readonly needed: ReadonlySet<AuthorizerType>;

  /** Throws ConfigurationError. */
  constructor(options: AuthorizationOptions) {
    this.#options = options;
    const { authorizers, reader, nodeRules, abac } = options;
    this.needed = new Set(authorizers.map(({ type }) => type).filter((type) => type !== "Webhook"));
    this.rbac = new RbacAuthorizer(reader);
    this.#standing = {
      AlwaysAllow: alwaysAllow,
      AlwaysDeny: alwaysDeny,
      ...(this.needed.has("RBAC") ? { RBAC: this.rbac } : {}),
      ...(this.needed.has("Node") ? { Node: new NodeAuthorizer({ graph: new NodeGraph(reader), rules: nodeRules }) } : {}),
      ...(this.needed.has("ABAC") && abac ? { ABAC: abac } : {}),
    };
    this.#current = this.#make(authorizers);
  }

  /** From the next question on. Throws ConfigurationError; the former ones stay then. */
  replace(authorizers: readonly AuthorizerSettings[]): void {
    // What is under way ends in its own time, and the connections of former webhooks when they are idle.
    this.#current = this.#make(authorizers);
  }

  authorize(attributes: AuthorizationAttributes, asking?: Asking): ReturnType<Authorizer["authorize"]> {
    return this.#current.authorizer.authorize(attributes, asking);
  }
  rulesOf(user: UserInfo, namespace: string): ListedRules {
    return this.#current.rules.rulesOf(user, namespace);
  }
  [Symbol.dispose](): void {
    for (const webhook of this.#current.webhooks) webhook[Symbol.dispose]();
  }

  #make(authorizers: readonly AuthorizerSettings[]): Generation {
    const webhooks: KubeconfigWebhook[] = [];
    const { counted } = this.#options;
    const made = authorizers.map(({ type, name, webhook }): [Authorizer, RuleResolver] => {
      const one = webhook ? this.#webhook(name, webhook, webhooks) : this.#standing[type];
      if (!one) throw new ConfigurationError(`authorizer type ${type} is not allowed if it was not enabled at initial server startup`);
      return [counted?.(one, type, name) ?? one, one];
    });
    return {
      authorizer: unionAuthorizer(privilegedAuthorizer, ...made.map(([authorizer]) => authorizer)),
      rules: unionRules(made.map(([, rules]) => rules)),
      webhooks,
    };
  }

  #webhook(name: string, settings: WebhookSettings, made: KubeconfigWebhook[]): Both {
    const { clock, random, logger, series, outgoing } = this.#options;
    if (!settings.kubeconfig)
      throw new ConfigurationError(`authorizer ${name}: connectionInfo of type InClusterConfig is not supported: give a kubeConfigFile`);
    try {
      const webhook = new KubeconfigWebhook({ target: readKubeconfig(settings.kubeconfig), clock, timeout: settings.timeout, outgoing });
      made.push(webhook);
      return new WebhookAuthorizer({ name, settings, webhook, clock, random, logger, series });
    } catch (error) {
      if (error instanceof KubeconfigError) throw new ConfigurationError(error.message);
      throw error;
    }
  }
}
