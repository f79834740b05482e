/** Audit events to lines of JSON. Most of an event is the same from request to request: those parts are made once. */
import type { AuditEvent } from "./auditor.ts";

const json = JSON.stringify;
/** By object: users and lists of addresses are kept by those who make them. */
const parts = new WeakMap<object, string>();
function part(value: object): string {
  let text = parts.get(value);
  if (text === undefined) {
    text = json(value);
    parts.set(value, text);
  }
  return text;
}

/** Only bodies can hold a bigint; a replacer makes JSON.stringify several times as slow. */
const body = (value: object): string => json(value, (_, inner) => (typeof inner === "bigint" ? String(inner) : inner));

/** One line, its end included; members in the order of upstream's type. */
export function encodeEvent(event: AuditEvent): string {
  const { impersonatedUser, authenticationMetadata, sourceIPs, userAgent, objectRef, responseStatus, requestObject, responseObject, annotations } = event;
  let line = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"${event.level}","auditID":${json(event.auditID)},"stage":"${event.stage}","requestURI":${json(event.requestURI)},"verb":${json(event.verb)},"user":${part(event.user)}`;
  if (impersonatedUser) line += `,"impersonatedUser":${part(impersonatedUser)}`;
  if (authenticationMetadata) line += `,"authenticationMetadata":${json(authenticationMetadata)}`;
  if (sourceIPs) line += `,"sourceIPs":${part(sourceIPs)}`;
  if (userAgent) line += `,"userAgent":${json(userAgent)}`;
  if (objectRef) line += `,"objectRef":${json(objectRef)}`;
  if (responseStatus) line += `,"responseStatus":${json(responseStatus)}`;
  if (requestObject) line += `,"requestObject":${body(requestObject)}`;
  if (responseObject) line += `,"responseObject":${body(responseObject)}`;
  line += `,"requestReceivedTimestamp":"${event.requestReceivedTimestamp}","stageTimestamp":"${event.stageTimestamp}"`;
  if (annotations) line += `,"annotations":${json(annotations)}`;
  return `${line}}\n`;
}
