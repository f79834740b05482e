/** ValidatingWebhookConfigurations: known, and refused as long as admission does not call them. */
import { age } from "../core/object-meta.ts";
import type { Kind } from "../kind.ts";
import type { ValidatingWebhookConfiguration } from "../types/admissionregistration-v1.gen.ts";

export const validatingWebhookConfigurationKind: Kind<ValidatingWebhookConfiguration> = {
  resource: "validatingwebhookconfigurations.admissionregistration.k8s.io",
  refused: "admission webhooks are not called by this cluster yet",
  cells: (item, now) => [item.metadata.name, item.webhooks?.length ?? 0, age(item, now)],
};
