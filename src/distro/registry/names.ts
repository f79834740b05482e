/** What may name a repository, a tag or content (OCI distribution-spec, image-spec descriptor.md). All are safe as file names. */
import { createHash, type Hash } from "node:crypto";

const namePart = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const namePattern = new RegExp(`^${namePart}(?:/${namePart})*$`);
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const digestPattern = /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

export const isRepositoryName = (text: string): boolean => text.length <= 255 && namePattern.test(text);
export const isTag = (text: string): boolean => tagPattern.test(text);

export type Algorithm = "sha256" | "sha512";
export interface Digest {
  algorithm: Algorithm;
  hex: string;
}

/** Undefined for what is no digest, or one of an algorithm that is not served here. */
export function parseDigest(text: string): Digest | undefined {
  if (!digestPattern.test(text)) return undefined;
  const [algorithm, hex] = text.split(":") as [Algorithm, string];
  return { algorithm, hex };
}

export const isAlgorithm = (text: string): text is Algorithm => text === "sha256" || text === "sha512";
export const hasher = (algorithm: Algorithm): Hash => createHash(algorithm);
export const digestOf = (bytes: Uint8Array, algorithm: Algorithm = "sha256"): string => `${algorithm}:${hasher(algorithm).update(bytes).digest("hex")}`;
