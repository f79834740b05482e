/** CustomResourceDefinitions (apiextensions-apiserver/pkg/registry/customresourcedefinition/strategy.go, apis/apiextensions/v1/defaults.go). */
import { goQuote } from "../go-quote.ts";
import { deepCopy } from "../copy.ts";
import { semanticEqual } from "../core/semantic.ts";
import { validateObjectMetaUpdate } from "../meta/validation.ts";
import { type FieldError, path } from "../field.ts";
import type { Kind } from "../kind.ts";
import type { CustomResourceDefinition } from "../types/apiextensions-v1.gen.ts";
import { validateAcceptedNames, validateDefinition, validateDefinitionUpdate } from "./definition-validation.ts";
import { settleDefaults } from "./default-validation.ts";
import { isRecognizedFormat } from "./formats.ts";
import { internalSpec, schemasOf } from "./internal-spec.ts";
import { schemaHas } from "./schema.ts";
import { notStructural } from "./structural.ts";

function noteStoredVersion({ spec, status }: CustomResourceDefinition): void {
  const storage = spec.versions?.find((version) => version.storage)?.name;
  if (storage !== undefined && !status.storedVersions?.includes(storage)) status.storedVersions = [...(status.storedVersions ?? []), storage];
}

function unrecognizedFormats({ spec }: CustomResourceDefinition): string[] {
  const found: string[] = [];
  for (const schema of schemasOf(internalSpec(spec)))
    schemaHas(schema, (one) => {
      if (one.format && !isRecognizedFormat(one)) found.push(one.format);
      return false;
    });
  return found;
}

function settled({ spec }: CustomResourceDefinition, errors: FieldError[]): FieldError[] {
  if (!errors.length)
    for (const { schema } of spec.versions) {
      const root = schema?.openAPIV3Schema;
      if (root && notStructural(root) === undefined) settleDefaults(root);
    }
  return errors;
}
const warn = (format: string): string => `unrecognized format ${goQuote(format)}`;

const emptyStatus = (): CustomResourceDefinition["status"] =>
  ({ conditions: null, acceptedNames: { plural: "", kind: "" }, storedVersions: null }) as unknown as CustomResourceDefinition["status"];

/** The version that upstream stores has no room for a webhook of which only an empty list is said; who says it manages it all the same. */
function forgetEmptyWebhook({ spec: { conversion } }: CustomResourceDefinition): void {
  if (conversion?.webhook && !conversion.webhook.clientConfig && !conversion.webhook.conversionReviewVersions?.length) delete conversion.webhook;
}

export const customResourceDefinitionKind: Kind<CustomResourceDefinition> = {
  resource: "customresourcedefinitions.apiextensions.k8s.io",
  allowUnconditionalUpdate: false,
  setDefaults(definition) {
    const { spec } = definition;
    const { names } = spec;
    names.singular ||= (names.kind ?? "").toLowerCase();
    if (!names.listKind && names.kind) names.listKind = `${names.kind}List`;
    spec.conversion ??= { strategy: "None" };
    const { webhook } = spec.conversion;
    // Upstream's internal version has no room for one of which nothing is said.
    if (webhook && !webhook.clientConfig && !webhook.conversionReviewVersions) delete spec.conversion.webhook;
    const service = webhook?.clientConfig?.service;
    if (service) service.port ??= 443;
    if (!definition.status?.storedVersions?.length) {
      const storage = spec.versions?.find((version) => version.storage)?.name;
      if (storage !== undefined) {
        definition.status ??= emptyStatus();
        definition.status.storedVersions = [storage];
      }
    }
  },
  prepareForCreate(definition) {
    forgetEmptyWebhook(definition);
    definition.status = emptyStatus();
    definition.metadata.generation = 1;
    noteStoredVersion(definition);
  },
  validate: (definition) => settled(definition, validateDefinition(definition)),
  warnings: (definition) => unrecognizedFormats(definition).map(warn),
  prepareForUpdate(definition, old) {
    definition.status = deepCopy(old.status);
    forgetEmptyWebhook(definition);
    if (!semanticEqual(definition.spec, old.spec)) definition.metadata.generation = (old.metadata.generation ?? 0) + 1;
    noteStoredVersion(definition);
  },
  validateUpdate: (definition, old) => settled(definition, validateDefinitionUpdate(definition, old)),
  warningsOnUpdate(definition, old) {
    const before = new Set(unrecognizedFormats(old));
    return unrecognizedFormats(definition)
      .filter((format) => !before.has(format))
      .map(warn);
  },
  subresources: {
    status: {
      prepareForUpdate(definition, old) {
        definition.spec = old.spec;
        // Reading it back from storage makes up for what the client left out.
        definition.status ??= emptyStatus();
        if (!definition.status.storedVersions?.length) noteStoredVersion(definition);
      },
      validateUpdate: (definition, old) => [
        ...validateObjectMetaUpdate(definition.metadata, old.metadata, path("metadata")),
        ...validateAcceptedNames(definition),
      ],
    },
  },
};
