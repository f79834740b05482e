/** The webhooks of all configurations, in the order of the configurations' names, as the cache holds them now. */
import type { Condition } from "../../../api/admissionregistration/evaluation.ts";
import { returnTypes, standalone } from "../../../api/admissionregistration/expressions.ts";
import type { Webhook, WebhookConfiguration } from "../../../api/admissionregistration/webhook.ts";
import type { Reader } from "../../../cache/cache.ts";
import { type ParsedSelector, parsedSelector } from "../matching.ts";

export interface Hook {
  readonly configuration: string;
  /** Configuration, name and which of that name: who has been called is known by it. */
  readonly uid: string;
  readonly webhook: Webhook;
  readonly namespaceSelector: ParsedSelector;
  readonly objectSelector: ParsedSelector;
  /** Compiled when they are first asked for. */
  conditions(): readonly Condition[];
}

function hookOf(configuration: string, webhook: Webhook, nth: number): Hook {
  let conditions: readonly Condition[] | undefined;
  return {
    configuration,
    uid: `${configuration}/${webhook.name}/${nth}`,
    webhook,
    namespaceSelector: parsedSelector(webhook.namespaceSelector),
    objectSelector: parsedSelector(webhook.objectSelector),
    conditions() {
      conditions ??= (webhook.matchConditions ?? []).map(({ name, expression }) => ({
        name,
        compiled: standalone().compile(expression, { params: false, authorizer: true }, returnTypes.condition),
      }));
      return conditions;
    },
  };
}

function hooksOf({ metadata, webhooks = [] }: WebhookConfiguration): Hook[] {
  const seen = new Map<string, number>();
  return webhooks.map((webhook) => {
    const nth = seen.get(webhook.name) ?? 0;
    seen.set(webhook.name, nth + 1);
    return hookOf(metadata.name, webhook, nth);
  });
}

/** Read again after a change, when somebody asks. `resource`: a groupResource. */
export function webhookSource(reader: Reader, resource: string): () => readonly Hook[] {
  let hooks: readonly Hook[] | undefined;
  reader.onChange(resource, () => {
    hooks = undefined;
  });
  return () => {
    hooks ??= reader
      .list<WebhookConfiguration>(resource)
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
      .flatMap(hooksOf);
    return hooks;
  };
}
