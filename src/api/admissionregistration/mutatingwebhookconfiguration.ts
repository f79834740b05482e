/** MutatingWebhookConfigurations (pkg/registry/admissionregistration/mutatingwebhookconfiguration). */
import { age } from "../core/object-meta.ts";
import type { Kind } from "../kind.ts";
import { type WebhookConfiguration, webhookStrategy } from "./webhook.ts";

export const mutatingWebhookConfigurationKind: Kind<WebhookConfiguration> = {
  resource: "mutatingwebhookconfigurations.admissionregistration.k8s.io",
  ...webhookStrategy(true),
  cells: (item, now) => [item.metadata.name, item.webhooks?.length ?? 0, age(item, now)],
};
