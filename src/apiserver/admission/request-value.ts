/** The request as AdmissionReviews and expressions describe it (k8s.io/apiserver/pkg/admission/plugin/webhook/request, .../plugin/cel/condition.go). */
import type { UserInfo } from "../../api/exchange.ts";
import type { AdmissionAttributes, Face } from "./admission.ts";

const userInfo = ({ name, uid, groups, extra }: UserInfo): object => ({
  ...(name ? { username: name } : {}),
  ...(uid ? { uid } : {}),
  ...(groups.length ? { groups } : {}),
  ...(extra && Object.keys(extra).length ? { extra } : {}),
});

/** In Go's order, without uid, object and oldObject. `face`: as what it is shown; `own`: as what it was asked. */
export function requestValue(attributes: AdmissionAttributes, face: Face, own: Face): Record<string, unknown> {
  const { subresource, name, namespace, operation } = attributes;
  return {
    kind: face.kind,
    resource: face.resource,
    ...(subresource ? { subResource: subresource } : {}),
    requestKind: own.kind,
    requestResource: own.resource,
    ...(subresource ? { requestSubResource: subresource } : {}),
    ...(name ? { name } : {}),
    ...(namespace ? { namespace } : {}),
    operation,
    userInfo: userInfo(attributes.user),
  };
}
