/** ValidatingWebhookConfigurations (pkg/registry/admissionregistration/validatingwebhookconfiguration). */
import { age } from "../core/object-meta.ts";
import type { Kind } from "../kind.ts";
import { type WebhookConfiguration, webhookStrategy } from "./webhook.ts";

export const validatingWebhookConfigurationKind: Kind<WebhookConfiguration> = {
  resource: "validatingwebhookconfigurations.admissionregistration.k8s.io",
  ...webhookStrategy(false),
  cells: (item, now) => [item.metadata.name, item.webhooks?.length ?? 0, age(item, now)],
};
