/** MutatingWebhookConfigurations: known, and refused as long as admission does not call them. */
import { age } from "../core/object-meta.ts";
import type { Kind } from "../kind.ts";
import type { MutatingWebhookConfiguration } from "../types/admissionregistration-v1.gen.ts";

export const mutatingWebhookConfigurationKind: Kind<MutatingWebhookConfiguration> = {
  resource: "mutatingwebhookconfigurations.admissionregistration.k8s.io",
  refused: "admission webhooks are not called by this cluster yet",
  cells: (item, now) => [item.metadata.name, item.webhooks?.length ?? 0, age(item, now)],
};
