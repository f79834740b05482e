/** The values of the variables of a policy's expressions for one request (k8s.io/apiserver/pkg/admission/plugin/cel/{activation,condition}.go). */
import type { Bindings } from "../../../api/admissionregistration/evaluation.ts";
import { normalize } from "../../../api/codec/normalize.ts";
import { fromJSON } from "../../../api/cel/json.ts";
import type { JSONObject } from "../../../api/json.ts";
import { typeByName } from "../../../api/schema/schema.ts";
import { notFound } from "../../../api/status.ts";
import type { Namespace } from "../../../api/types/core-v1.gen.ts";
import type { Reader } from "../../../cache/cache.ts";
import type { AdmissionAttributes, Face } from "../admission.ts";
import type { AuthorizationChecks } from "../authorization-checks.ts";
import { requestValue } from "../request-value.ts";
import { shownTo } from "../webhooks/invocation.ts";
import type { Shown } from "../webhooks/review.ts";

/** Some of its fields; null for what is in no namespace. Throws 404. */
export function namespaceOf({ namespace, resource }: AdmissionAttributes, reader: Reader): JSONObject | null {
  if (!namespace || (resource.group === "" && resource.kind === "Namespace")) return null;
  const found = reader.get<Namespace>("namespaces", "", namespace);
  if (!found) throw notFound("namespaces", namespace);
  const { managedFields: _managed, ownerReferences: _owners, selfLink: _link, ...metadata } = found.metadata;
  const shown = normalize(typeByName("core/v1.Namespace"), { metadata, spec: found.spec, status: found.status } as unknown as JSONObject).object;
  return shown;
}

export interface RequestBindings {
  readonly shown: Shown;
  /** With these parameters. `authorizer`: whether it can be asked. */
  of(params: JSONObject | null, authorizer: boolean): Bindings;
}

export async function requestBindings(
  attributes: AdmissionAttributes,
  face: Face,
  own: Face,
  namespace: JSONObject | null,
  checks: AuthorizationChecks,
): Promise<RequestBindings> {
  const shown = await shownTo(face, attributes);
  const request = { ...requestValue(attributes, face, own), dryRun: attributes.dryRun, options: attributes.options ?? null };
  const fixed = { object: fromJSON(shown.object), oldObject: fromJSON(shown.old), request: fromJSON(request), namespaceObject: fromJSON(namespace) };
  return { shown, of: (params, authorizer) => ({ ...fixed, params: fromJSON(params), ...(authorizer ? checks.variables(attributes) : {}) }) };
}
