/** The 403 of a request that no authorizer allowed (k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go). */
import { goQuote } from "../../api/go-quote.ts";
import { forbidden, groupResource, StatusError } from "../../api/status.ts";
import type { AuthorizationAttributes } from "./authorizer.ts";
import { table } from "../../base/table.ts";

const htmlEntities = table<string>({ "&": "&amp;", "<": "&lt;", ">": "&gt;" });
export const escapeHTML = (text: string): string => text.replace(/[&<>]/g, (c) => htmlEntities[c] as string);

/** `User "x" cannot list resource "pods" in API group "" in the namespace "y"` */
export function forbiddenMessage(attributes: AuthorizationAttributes): string {
  const { user, verb, group, resource, subresource, namespace } = attributes;
  if (!attributes.isResource) return `User ${goQuote(user.name)} cannot ${verb} path ${goQuote(attributes.path)}`;
  const what = subresource ? `${resource}/${subresource}` : resource;
  const scope = namespace ? `in the namespace ${goQuote(namespace)}` : "at the cluster scope";
  return `User ${goQuote(user.name)} cannot ${verb} resource ${goQuote(what)} in API group ${goQuote(group)} ${scope}`;
}

/** `reason` is the authorizers'. */
export function forbiddenError(attributes: AuthorizationAttributes, reason: string): StatusError {
  const message = escapeHTML(forbiddenMessage(attributes));
  const why = reason ? `${message}: ${reason}` : message;
  if (!attributes.isResource) return new StatusError({ code: 403, reason: "Forbidden", message: `forbidden: ${why}`, details: {} });
  const { group, resource, name } = attributes;
  const { status } = forbidden(groupResource(group, resource), name, why);
  // A resource that nobody serves may have a dot in its name.
  const details = { ...(name ? { name } : {}), ...(group ? { group } : {}), ...(resource ? { kind: resource } : {}) };
  return new StatusError({ code: 403, message: "", ...status, details });
}
