/** Whom a certificate request (RFC 2986) is about: its subject and its alternative names (RFC 5280, 4.2.1.6). */
import { pemBlocks } from "./pem.ts";
import { elements } from "./pkcs10.ts";

export interface RequestNames {
  commonName: string;
  organizations: string[];
  dns: string[];
  emails: string[];
  ips: Uint8Array[];
  uris: string[];
}

const oids = { commonName: "550403", organization: "55040a", extensionRequest: "2a864886f70d01090e", alternativeNames: "551d11" };
const attributesTag = 0xa0;
const octetString = 0x04;
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("hex");
const inside = (bytes: Uint8Array | undefined) => elements(bytes ?? new Uint8Array(0));

/** Names in the PEM request, in base64. Throws for what is no request. */
export function requestNames(base64: string): RequestNames {
  const [block] = pemBlocks(base64);
  if (block?.type !== "CERTIFICATE REQUEST") throw new Error("PEM block type must be CERTIFICATE REQUEST");
  const [request] = elements(block.bytes);
  const [, subject, , ...rest] = inside(inside(request?.content)[0]?.content);
  const names: RequestNames = { commonName: "", organizations: [], dns: [], emails: [], ips: [], uris: [] };
  for (const relative of inside(subject?.content)) {
    for (const attribute of inside(relative.content)) {
      const [type, value] = inside(attribute.content);
      if (!value) continue;
      if (hex(type?.content) === oids.commonName) names.commonName = text(value.content);
      else if (hex(type?.content) === oids.organization) names.organizations.push(text(value.content));
    }
  }
  for (const attribute of inside(rest.find((element) => element.tag === attributesTag)?.content)) {
    const [type, values] = inside(attribute.content);
    if (hex(type?.content) !== oids.extensionRequest) continue;
    for (const extension of inside(inside(values?.content)[0]?.content)) {
      const [id, ...parts] = inside(extension.content);
      if (hex(id?.content) === oids.alternativeNames) addAlternatives(names, parts.find((part) => part.tag === octetString)?.content);
    }
  }
  return names;
}

function addAlternatives(names: RequestNames, extension: Uint8Array | undefined): void {
  for (const { tag, content } of inside(inside(extension)[0]?.content)) {
    if (tag === 0x81) names.emails.push(text(content));
    else if (tag === 0x82) names.dns.push(text(content));
    else if (tag === 0x86) names.uris.push(text(content));
    else if (tag === 0x87) names.ips.push(content);
  }
}
