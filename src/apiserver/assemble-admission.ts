/** The chain of admission plugins that an API server has, with whom they ask outside. */
import type { ResourceQuota } from "../api/types/core-v1.gen.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/logger.ts";
import type { Metrics } from "../base/metrics.ts";
import type { Random } from "../base/random.ts";
import type { Reader, ResourceCache } from "../cache/cache.ts";
import type { AdmissionChain } from "./admission/chain.ts";
import type { AdmissionConfiguration } from "./admission/configuration.ts";
import { defaultAdmission } from "./admission/default.ts";
import type { TolerationSeconds } from "./admission/default-toleration-seconds.ts";
import { createNamespace } from "./admission/optional/create-namespace.ts";
import { optionalPlugins } from "./admission/optional/optional.ts";
import { mutatingPolicies } from "./admission/policies/mutating.ts";
import { type PolicyOptions, validatingPolicies } from "./admission/policies/validating.ts";
import { quotaStatusWriter } from "./admission/quota-status.ts";
import { WebhookClient } from "./admission/webhooks/client.ts";
import type { CredentialsFor } from "./admission/webhooks/credentials.ts";
import { mutatingWebhooks } from "./admission/webhooks/mutating.ts";
import { validatingWebhooks } from "./admission/webhooks/validating.ts";
import type { Authorizer } from "./authorization/authorizer.ts";
import { admissionTiming } from "./metrics/admission.ts";
import { podSecuritySeries } from "./metrics/pod-security.ts";
import { policySeries } from "./metrics/policies.ts";
import { conditionSeries, webhookSeries } from "./metrics/webhooks.ts";
import { paramSource } from "./rest/param-source.ts";
import type { ApiServer } from "./server.ts";
import type { OutgoingSeries } from "./outside/post.ts";

export interface AssembleAdmissionOptions {
  clock: Clock;
  random: Random;
  logger: Logger;
  reader: Reader;
  authorizer: Authorizer;
  metrics: Metrics;
  /** Counts questions to webhooks. */
  outgoing: OutgoingSeries;
  quotas: ResourceCache<ResourceQuota>;
  /** Undefined until there is one, and no request before. */
  server(): ApiServer | undefined;
  tolerations?: TolerationSeconds;
  /** Plugins that are left out. */
  disabledPlugins?: readonly string[];
  /** Plugins that must be there: one that does not exist is the caller's mistake. */
  enabledPlugins?: readonly string[];
  admissionConfiguration?: AdmissionConfiguration;
  /** Straight to endpoints of Services, not to their addresses. @default false */
  aggregatorRouting?: boolean;
  /** Where others reach this server. */
  advertise?: { address: string; port: number };
}

export interface AssembledAdmission extends Disposable {
  readonly admission: AdmissionChain;
  /** Of a client to other webhooks that are reached in the same way. */
  webhookClient(credentials: CredentialsFor | undefined): WebhookClient;
}

export function assembleAdmission(options: AssembleAdmissionOptions): AssembledAdmission {
  const { clock, random, reader, authorizer, metrics, outgoing, server, admissionConfiguration: configuration = {} } = options;
  const webhookClient = (credentials: CredentialsFor | undefined): WebhookClient =>
    new WebhookClient({
      ...(credentials ? { credentials } : {}),
      reader,
      random,
      clock,
      toEndpoints: options.aggregatorRouting ?? false,
      outgoing,
      ...(options.advertise ? { own: { host: options.advertise.address, port: options.advertise.port } } : {}),
    });
  const mutating = webhookClient(configuration.MutatingAdmissionWebhook);
  const validating = webhookClient(configuration.ValidatingAdmissionWebhook);
  const outside = {
    reader,
    random,
    clock,
    authorizer,
    logger: options.logger.child("webhooks"),
    series: webhookSeries(metrics),
    conditions: conditionSeries(metrics),
  };
  const policies: PolicyOptions = {
    ...outside,
    params(apiVersion, kind) {
      const endpoint = server()?.rest.endpointOfKind(apiVersion, kind);
      return endpoint && paramSource(endpoint);
    },
    series: policySeries(metrics),
  };
  const optional = optionalPlugins(options.enabledPlugins ?? [], {
    reader,
    authorizer,
    clock,
    random,
    configuration,
    outgoing,
    createNamespace: (name) => createNamespace(server()?.handler, name),
    resourceOfKind: (apiVersion, kind) => server()?.rest.endpointOfKind(apiVersion, kind)?.def,
  });
  const admission = defaultAdmission({
    reader,
    clock,
    random,
    authorizer,
    more: [
      ...optional,
      mutatingPolicies(policies),
      mutatingWebhooks({ ...outside, client: mutating }),
      validatingPolicies(policies),
      validatingWebhooks({ ...outside, client: validating }),
    ],
    podSecuritySeries: podSecuritySeries(metrics),
    updateQuotaStatus: quotaStatusWriter(options.quotas, clock),
    ...(options.tolerations ? { tolerations: options.tolerations } : {}),
    configuration,
    ...(options.disabledPlugins ? { disabled: options.disabledPlugins } : {}),
    ...(options.enabledPlugins ? { enabled: options.enabledPlugins } : {}),
    timing: admissionTiming(metrics, clock),
  });
  return {
    admission,
    webhookClient,
    [Symbol.dispose]() {
      for (const client of [mutating, validating]) client.close();
      for (const plugin of optional) plugin[Symbol.dispose]?.();
    },
  };
}
