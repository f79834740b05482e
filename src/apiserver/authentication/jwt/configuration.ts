/** AuthenticationConfiguration, apiserver.config.k8s.io (k8s.io/apiserver/pkg/apis/apiserver/types.go). */
import { type ConfigurationKind, ConfigurationError, decodeConfiguration, type Shape } from "../../configuration-file.ts";

export interface ClaimOrExpression {
  claim?: string;
  expression?: string;
}
export interface PrefixedClaimOrExpression extends ClaimOrExpression {
  prefix?: string;
}
export interface ClaimValidationRule {
  claim?: string;
  requiredValue?: string;
  expression?: string;
  message?: string;
}
export interface Issuer {
  url?: string;
  discoveryURL?: string;
  /** PEM. */
  certificateAuthority?: string;
  audiences?: string[];
  audienceMatchPolicy?: string;
  egressSelectorType?: string;
}
export interface JwtConfiguration {
  issuer?: Issuer;
  claimValidationRules?: ClaimValidationRule[];
  claimMappings?: {
    username?: PrefixedClaimOrExpression;
    groups?: PrefixedClaimOrExpression;
    uid?: ClaimOrExpression;
    extra?: { key?: string; valueExpression?: string }[];
  };
  userValidationRules?: { expression?: string; message?: string }[];
}
export interface AnonymousConfiguration {
  enabled?: boolean;
  conditions?: { path?: string }[];
}
export interface AuthenticationConfiguration {
  jwt?: JwtConfiguration[];
  anonymous?: AnonymousConfiguration;
}

const struct = (go: string, fields: Readonly<Record<string, Shape>>): Shape => ({ go: `v1.${go}`, fields });
const prefixed = struct("PrefixedClaimOrExpression", { claim: "string", prefix: "string", expression: "string" });
const kind: ConfigurationKind = {
  kind: "AuthenticationConfiguration",
  versions: ["v1", "v1beta1", "v1alpha1"].map((version) => `apiserver.config.k8s.io/${version}`),
  fields: {
    jwt: {
      list: struct("JWTAuthenticator", {
        issuer: struct("Issuer", {
          url: "string",
          discoveryURL: "string",
          certificateAuthority: "string",
          audiences: { list: "string" },
          audienceMatchPolicy: "string",
          egressSelectorType: "string",
        }),
        claimValidationRules: { list: struct("ClaimValidationRule", { claim: "string", requiredValue: "string", expression: "string", message: "string" }) },
        claimMappings: struct("ClaimMappings", {
          username: prefixed,
          groups: prefixed,
          uid: struct("ClaimOrExpression", { claim: "string", expression: "string" }),
          extra: { list: struct("ExtraMapping", { key: "string", valueExpression: "string" }) },
        }),
        userValidationRules: { list: struct("UserValidationRule", { expression: "string", message: "string" }) },
      }),
    },
    anonymous: struct("AnonymousAuthConfig", { enabled: "bool", conditions: { list: struct("AnonymousAuthCondition", { path: "string" }) } }),
  },
};

/** Throws ConfigurationError. */
export function decodeAuthenticationConfiguration(text: string): AuthenticationConfiguration {
  if (text === "") throw new ConfigurationError("empty config data");
  return decodeConfiguration(text, kind);
}
