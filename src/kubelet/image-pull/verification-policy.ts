/** For which images a pod has to show credentials although they are on the node (upstream's image_pull_policies.go). */

/** `pulled`: the kubelet pulled it, or began to; false for what was there before. */
export type VerificationPolicy = (image: string, pulled: boolean) => boolean;

export const verificationPolicyNames = ["NeverVerify", "NeverVerifyPreloadedImages", "NeverVerifyAllowlistedImages", "AlwaysVerify"] as const;
export type VerificationPolicyName = (typeof verificationPolicyNames)[number];

/** `registry.example:5000/app:1@sha256:...` without tag and digest. */
export function withoutTag(image: string): string {
  const name = image.split("@")[0] as string;
  const slash = name.lastIndexOf("/");
  const colon = name.indexOf(":", slash + 1);
  return colon < 0 ? name : name.slice(0, colon);
}

/** What is wrong with a pattern of the allow list, in upstream's words; undefined for a good one. */
export function allowlistProblem(pattern: string): string | undefined {
  if (pattern !== pattern.trim()) return `leading/trailing spaces are not allowed: ${pattern}`;
  const wild = pattern.endsWith("/*");
  const bare = wild ? pattern.slice(0, -1) : pattern;
  if (!bare) return `the supplied pattern is too short: ${pattern}`;
  if (bare.includes("*")) return `not a valid wildcard pattern, only patterns ending with '/*' are allowed: ${pattern}`;
  if (wild) return bare.length === 1 ? "at least registry hostname is required" : undefined;
  return withoutTag(bare) === bare ? undefined : `neither tag nor digest is accepted in an image reference: ${pattern}`;
}

/** Throws for an allow list with a mistake in it. */
export function verificationPolicy(name: VerificationPolicyName, allowlist: readonly string[]): VerificationPolicy {
  if (name === "NeverVerify") return () => false;
  if (name === "AlwaysVerify") return () => true;
  if (name === "NeverVerifyPreloadedImages") return (_, pulled) => pulled;
  const problem = allowlist.map(allowlistProblem).find((one) => one !== undefined);
  if (problem) throw new Error(problem);
  const exact = new Set(allowlist.filter((pattern) => !pattern.endsWith("/*")));
  const prefixes = allowlist.filter((pattern) => pattern.endsWith("/*")).map((pattern) => pattern.slice(0, -1));
  return (image) => {
    const bare = withoutTag(image);
    return !exact.has(bare) && !prefixes.some((prefix) => bare.startsWith(prefix));
  };
}
