/** What a registry has to know of a manifest (OCI image-spec manifest.md and image-index.md, Docker's schema 2). */
import { isMap } from "../../api/json.ts";
import { RegistryError } from "./errors.ts";

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  artifactType?: string;
  annotations?: Record<string, string>;
}

export interface Manifest {
  mediaType: string;
  /** Content that has to be there before. */
  blobs: string[];
  subject?: string;
  artifactType?: string;
  annotations?: Record<string, string>;
}

const textOf = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);
const invalid = (message: string): RegistryError => new RegistryError("MANIFEST_INVALID", message);

function descriptor(value: unknown, what: string): Descriptor {
  if (!isMap(value) || typeof value.digest !== "string" || typeof value.size !== "number" || !(value.size >= 0))
    throw invalid(`${what} is no descriptor: it needs mediaType, digest and size`);
  return value as unknown as Descriptor;
}

/** Layers that may be elsewhere. */
const isForeign = (layer: Descriptor): boolean => /nondistributable|foreign/.test(layer.mediaType ?? "");

/** `contentType` is what the client said it sends. Throws RegistryError. */
export function readManifest(bytes: Uint8Array, contentType: string | undefined): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    throw invalid(`the manifest is not JSON: ${(error as Error).message}`);
  }
  if (!isMap(value)) throw invalid("the manifest is not a JSON object");
  const said = contentType?.split(";")[0]?.trim();
  const own = textOf(value.mediaType);
  if (own && said && own !== said && said !== "application/octet-stream" && said !== "application/json")
    throw invalid(`the manifest says mediaType ${own}, but was sent as ${said}`);
  if (value.layers !== undefined && !Array.isArray(value.layers)) throw invalid("layers is not a list");
  if (value.manifests !== undefined && !Array.isArray(value.manifests)) throw invalid("manifests is not a list");
  for (const [i, one] of ((value.manifests as unknown[] | undefined) ?? []).entries()) descriptor(one, `manifests[${i}]`);
  const layers = ((value.layers as unknown[] | undefined) ?? []).map((one, i) => descriptor(one, `layers[${i}]`));
  const config = value.config === undefined ? undefined : descriptor(value.config, "config");
  const mediaType = own ?? said;
  if (!mediaType) throw invalid("neither the manifest nor the Content-Type header names its media type");
  const artifactType = textOf(value.artifactType) ?? config?.mediaType;
  const subject = value.subject === undefined || value.subject === null ? undefined : descriptor(value.subject, "subject").digest;
  return {
    mediaType,
    blobs: [...(config ? [config] : []), ...layers.filter((layer) => !isForeign(layer))].map((d) => d.digest),
    ...(subject ? { subject } : {}),
    ...(artifactType ? { artifactType } : {}),
    ...(isMap(value.annotations) ? { annotations: value.annotations as Record<string, string> } : {}),
  };
}
