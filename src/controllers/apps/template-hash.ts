/** Short, stable names of pod templates: the very ones that upstream gives (pkg/controller.ComputeHash). */
import { dumpForHash } from "../../api/go-dump.ts";
import type { PodTemplateSpec } from "../../api/types/core-v1.gen.ts";
import { fnv1a } from "../../base/fnv.ts";

const alphabet = "bcdfghjklmnpqrstvwxz2456789";

/** FNV-1a over the template as Go prints it and the collision count, in the letters of generated names. */
export function templateHash(template: PodTemplateSpec, collisionCount?: number): string {
  const probe = Buffer.alloc(collisionCount === undefined ? 0 : 8);
  if (collisionCount !== undefined) probe.writeUInt32LE(collisionCount);
  return safeEncode(String(fnv1a(Buffer.concat([Buffer.from(dumpForHash("v1.PodTemplateSpec", template)), probe]))));
}

/** A number in letters that make no words (k8s.io/apimachinery/pkg/util/rand.SafeEncodeString). */
export const safeEncode = (digits: string): string => [...digits].map((digit) => alphabet[digit.charCodeAt(0) % alphabet.length]).join("");
