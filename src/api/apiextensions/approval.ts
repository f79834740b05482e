/** Groups of the community want an approval (apiextensions-apiserver/pkg/apihelpers; KEP 1111). */
import { parseRequestURI, URLError } from "../cel/library/go-url.ts";
import { goQuote } from "../go-quote.ts";

export const approvalAnnotation = "api-approved.kubernetes.io";

export const isProtectedGroup = (group: string): boolean => /(^|\.)(k8s|kubernetes)\.io$/.test(group);

export interface Approval {
  state: "invalid" | "approved" | "bypassed" | "missing";
  reason: string;
}

function isAbsolute(text: string): boolean {
  try {
    const { scheme, host } = parseRequestURI(text);
    return scheme !== "" && host !== "";
  } catch (error) {
    if (error instanceof URLError) return false;
    throw error;
  }
}

export function approvalOf(annotations: Readonly<Record<string, string>> | undefined): Approval {
  const text = annotations?.[approvalAnnotation] ?? "";
  const see = "see https://github.com/kubernetes/enhancements/pull/1111";
  const must = `protected groups must have approval annotation ${goQuote(approvalAnnotation)}`;
  if (text === "") return { state: "missing", reason: `${must}, ${see}` };
  if (text.startsWith("unapproved")) return { state: "bypassed", reason: `not approved: ${goQuote(text)}` };
  if (isAbsolute(text)) return { state: "approved", reason: `approved in ${text}` };
  return { state: "invalid", reason: `${must} with either a URL or a reason starting with "unapproved", ${see}` };
}
