/** Who may say who they are, and how: kube-apiserver's flags (k8s.io/kubernetes/pkg/kubeapiserver/options/authentication.go), and what they say. */
import { pairs } from "./flag-texts.ts";
import { X509Certificate } from "node:crypto";
import type { AssembleOptions } from "../../apiserver/assemble.ts";
import type { AnonymousConfiguration, JwtConfiguration } from "../../apiserver/authentication/jwt/configuration.ts";
import {
  checkAuthenticationConfiguration,
  checkedAuthenticators,
  type JwtAuthenticationSource,
  readAuthenticationConfiguration,
} from "../../apiserver/authentication/jwt/jwt-authentication.ts";
import { tokenReviewVersions } from "../../apiserver/authentication/token-webhook.ts";
import { ConfigurationError } from "../../apiserver/configuration-file.ts";
import { KubeconfigError, readKubeconfig } from "../../apiserver/outside/kubeconfig.ts";
import { readCertificates, readNamed, readPEM, readPrivateKey } from "./files.ts";
import { FlagError } from "./flag-error.ts";
import { bool, duration, file, list, repeated, text } from "./flag-types.ts";
import type { Flag, FlagValues } from "./flags.ts";

/** Undefined where the command line says nothing of it. */
const optional = <T>(flag: Flag<T>): Flag<T | undefined> => ({ ...flag, fallback: undefined });

const requiredClaims: Flag<readonly (readonly [string, string])[] | undefined> = {
  type: "mapStringString",
  help: "CLAIM=VALUE that a token must have; one for each use of the flag",
  fallback: undefined,
  parse(value, before) {
    const equals = value.indexOf("=");
    if (equals < 0) throw new Error("malformed pair, expect string=string");
    const name = value.slice(0, equals).trim();
    return [...(before ?? []).filter(([claim]) => claim !== name), [name, value.slice(equals + 1).trim()]];
  },
  write: (claims = []) => pairs(claims),
};

export const authenticationFlags = {
  "client-ca-file": file("PEM bundle: who has a certificate of it is who it names; read again when it changes"),
  "token-auth-file": file('CSV file of token,user,uid[,"group,group"]'),
  "anonymous-auth": optional({ ...bool("let in who says nothing, as system:anonymous", true) }),
  "enable-bootstrap-token-auth": bool("accept tokens of kube-system/bootstrap-token-*", false),
  "authentication-config": file(
    "AuthenticationConfiguration: issuers of JSON Web Tokens, and what is open to everybody; read again when it changes, e.g. /etc/k8ts/authentication.yaml",
  ),
  "oidc-issuer-url": optional(text("URL of the issuer whose JSON Web Tokens are accepted; https only")),
  "oidc-client-id": optional(text("audience that tokens of --oidc-issuer-url must be for")),
  "oidc-ca-file": optional(file("PEM bundle that the issuer's certificate is verified against; without one the machine's authorities")),
  "oidc-username-claim": optional({ ...text("claim that names the user"), shown: '"sub"' }),
  "oidc-username-prefix": optional(text('what stands before names of users; without one the issuer\'s URL and # where the claim is not email; "-": nothing')),
  "oidc-groups-claim": optional(text("claim that names the user's groups: a string or a list of strings")),
  "oidc-groups-prefix": optional(text("what stands before names of groups")),
  "oidc-signing-algs": optional({ ...list("algorithms of signatures that are accepted: RS, ES and PS with 256, 384 and 512"), shown: "[RS256]" }),
  "oidc-required-claim": requiredClaims,
  "authentication-token-webhook-config-file": file("kubeconfig of a server that is asked whom a token names (TokenReview)"),
  "authentication-token-webhook-version": { ...text("version of the TokenReview that it is asked with", "v1beta1"), choices: tokenReviewVersions },
  "authentication-token-webhook-cache-ttl": duration("how long its answers are remembered", "2m0s"),
  "requestheader-client-ca-file": file("PEM bundle of front proxies, whose headers say who is calling; read again when it changes"),
  "requestheader-allowed-names": list("common names a front proxy may have; none: any of the authority"),
  "requestheader-username-headers": list("headers with the user's name"),
  "requestheader-uid-headers": list("headers with the user's uid"),
  "requestheader-group-headers": list("headers with groups"),
  "requestheader-extra-headers-prefix": list("prefixes of headers with what else is known of the user"),
  "service-account-issuer": repeated("issuer of the tokens that are made; further ones are accepted; required"),
  "service-account-signing-key-file": file("PEM private key that signs tokens; required, but with --service-account-signing-endpoint"),
  "service-account-signing-endpoint": text("unix socket of who signs tokens and has their keys, e.g. /run/signer.sock or @signer; instead of the key files"),
  "service-account-key-file": repeated("PEM keys that verify tokens; without one the signing key"),
  "service-account-jwks-uri": text("where the keys of tokens are published, an https URL; without one at this server"),
  "service-account-lookup": bool("tokens of Secrets die with their Secret and their service account", true),
  "service-account-max-token-expiration": duration("longest life of a token that is asked for, 1h to 2^32 seconds; 0: any", "0s"),
  "service-account-extend-token-expiration": bool("pods' own tokens live for a year, so that old clients that do not renew them keep working", true),
  "api-audiences": list("audiences of the API; without one the issuers"),
} as const;

type Flags = FlagValues<typeof authenticationFlags>;

const yearOfSeconds = 2 ** 32;

/** What is wrong with the flags that needs no file to be known. */
export function authenticationProblems(flags: Flags): string[] {
  const problems: string[] = [];
  const issuers = flags["service-account-issuer"];
  if (!issuers.length)
    problems.push("--service-account-issuer is required: the URL that names this cluster in its tokens, e.g. https://kubernetes.default.svc.cluster.local");
  for (const [i, one] of issuers.entries()) {
    if (one.includes(":") && !URL.canParse(one)) problems.push(`service-account-issuer ${JSON.stringify(one)} contained a ':' but was not a valid URL`);
    else if (one === "") problems.push("service-account-issuer should not be an empty string");
    else if (issuers.indexOf(one) !== i) problems.push(`service-account-issuer ${JSON.stringify(one)} is already specified`);
  }
  problems.push(...signerProblems(flags));
  if (!flags["service-account-signing-key-file"] && !flags["service-account-signing-endpoint"])
    problems.push("--service-account-signing-key-file is required: a PEM private key, e.g. made by `openssl ecparam -genkey -name prime256v1 -noout`");
  const jwks = flags["service-account-jwks-uri"];
  if (jwks && URL.parse(jwks)?.protocol !== "https:") problems.push(`service-account-jwks-uri requires https scheme, parsed as: ${jwks}`);
  const longest = flags["service-account-max-token-expiration"];
  if (longest !== 0 && (longest < 3_600_000 || longest > yearOfSeconds * 1000))
    problems.push("the service-account-max-token-expiration must be between 1 hour and 2^32 seconds");
  const oidc = Object.entries(flags).some(([name, value]) => name.startsWith("oidc-") && value !== undefined);
  if (flags["authentication-config"]) {
    if (oidc) problems.push("authentication-config file and oidc-* flags are mutually exclusive");
  } else if (oidc && !(flags["oidc-issuer-url"] && flags["oidc-client-id"]))
    problems.push("oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set");
  return [...problems, ...headerProblems(flags)];
}

const abstractSocket = /^@([a-zA-Z0-9_-]+\.)*[a-zA-Z0-9_-]+$/;

function signerProblems(flags: Flags): string[] {
  const endpoint = flags["service-account-signing-endpoint"];
  if (!endpoint) return [];
  const problems: string[] = [];
  if (flags["service-account-signing-key-file"])
    problems.push("service-account-signing-key-file and service-account-signing-endpoint are mutually exclusive and cannot be set at the same time");
  else if (flags["service-account-key-file"].length)
    problems.push(
      "can't set `--service-account-signing-key-file` and/or `--service-account-key-file` with `--service-account-signing-endpoint` (They are mutually exclusive)",
    );
  if (endpoint.startsWith("@") && !abstractSocket.test(endpoint))
    problems.push(
      `invalid value ${JSON.stringify(endpoint)} passed for \`--service-account-signing-endpoint\`, when prefixed with @ must be a valid abstract socket name`,
    );
  return problems;
}

function headerProblems(flags: Flags): string[] {
  const problems: string[] = [];
  for (const name of ["username-headers", "group-headers", "extra-headers-prefix", "allowed-names", "uid-headers"] as const)
    if (flags[`requestheader-${name}`].some((value) => !value.trim())) problems.push(`empty value in ${JSON.stringify(`requestheader-${name}`)}`);
  const uids = flags["requestheader-uid-headers"];
  if (uids.length && !uids.some((name) => name.toLowerCase() === "x-remote-uid"))
    problems.push("--requestheader-uid-headers is set without specifying the standard X-Remote-Uid header - API aggregation will not work");
  return problems;
}

type Authentication = Pick<
  AssembleOptions,
  | "clientCa"
  | "frontProxy"
  | "tokenFile"
  | "anonymous"
  | "bootstrapTokens"
  | "jwt"
  | "tokenWebhook"
  | "serviceAccountKey"
  | "serviceAccountPublicKeys"
  | "serviceAccountIssuer"
  | "acceptedIssuers"
  | "serviceAccountLookup"
  | "maxTokenSeconds"
  | "extendTokens"
  | "audiences"
  | "jwksUri"
>;

/** Everything that the flags and their files say. `mayBeAnonymous`: false where everybody who is known may do everything. Throws FlagError. */
export function authenticationFrom(flags: Flags, mayBeAnonymous: boolean): Authentication {
  const [issuer = "", ...acceptedIssuers] = flags["service-account-issuer"];
  const keyFiles = flags["service-account-key-file"];
  const tokenFile = flags["token-auth-file"];
  const clientCa = flags["client-ca-file"] && readCertificates(flags["client-ca-file"], "--client-ca-file");
  const frontProxy = frontProxyFrom(flags);
  const jwt = named(() => jwtFrom(flags), flags["authentication-config"] ? "--authentication-config" : "--oidc-issuer-url");
  const tokenWebhook = webhookFrom(flags);
  return {
    ...(clientCa ? { clientCa } : {}),
    ...(frontProxy ? { frontProxy } : {}),
    ...(tokenFile ? { tokenFile: { path: tokenFile, text: readNamed(tokenFile, "--token-auth-file") } } : {}),
    anonymous: anonymousFrom(flags, jwt?.configuration.anonymous, mayBeAnonymous),
    bootstrapTokens: flags["enable-bootstrap-token-auth"],
    ...(jwt ? { jwt } : {}),
    ...(tokenWebhook ? { tokenWebhook } : {}),
    ...(flags["service-account-signing-endpoint"]
      ? {}
      : { serviceAccountKey: readPrivateKey(flags["service-account-signing-key-file"], "--service-account-signing-key-file") }),
    ...(keyFiles.length ? { serviceAccountPublicKeys: keyFiles.map((path) => readPEM(path, "--service-account-key-file")).join("\n") } : {}),
    serviceAccountIssuer: issuer,
    acceptedIssuers,
    serviceAccountLookup: flags["service-account-lookup"],
    maxTokenSeconds: Math.floor(flags["service-account-max-token-expiration"] / 1000),
    extendTokens: flags["service-account-extend-token-expiration"],
    ...(flags["api-audiences"].length ? { audiences: flags["api-audiences"] } : {}),
    jwksUri: flags["service-account-jwks-uri"],
  };
}

function named<T>(work: () => T, flag: string): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ConfigurationError || error instanceof KubeconfigError) throw new FlagError([`${flag}: ${error.message}`]);
    throw error;
  }
}

/** Undefined where no issuer is configured. Throws ConfigurationError. */
function jwtFrom(flags: Flags): JwtAuthenticationSource | undefined {
  const file = flags["authentication-config"];
  const source = file ? readAuthenticationConfiguration(file) : oidcFrom(flags);
  checkedAuthenticators(source?.configuration.jwt ?? [], source?.algorithms ?? [], flags["service-account-issuer"]);
  return source;
}

function oidcFrom(flags: Flags): JwtAuthenticationSource | undefined {
  const { "oidc-issuer-url": url, "oidc-client-id": client, "oidc-ca-file": ca, "oidc-groups-claim": groups } = flags;
  if (!url || !client) return undefined;
  const claim = flags["oidc-username-claim"] ?? "sub";
  const given = flags["oidc-username-prefix"] ?? "";
  const prefix = given === "-" ? "" : given === "" && claim !== "email" ? `${url}#` : given;
  const jwt: JwtConfiguration = {
    issuer: { url, audiences: [client], ...(ca ? { certificateAuthority: readNamed(ca, "--oidc-ca-file") } : {}) },
    claimMappings: {
      username: { claim, prefix },
      ...(groups ? { groups: { claim: groups, prefix: flags["oidc-groups-prefix"] ?? "" } } : {}),
    },
    claimValidationRules: (flags["oidc-required-claim"] ?? []).map(([name, requiredValue]) => ({ claim: name, requiredValue })),
  };
  const configuration = { jwt: [jwt] };
  checkAuthenticationConfiguration(configuration);
  return { configuration, algorithms: flags["oidc-signing-algs"] ?? ["RS256"] };
}

function anonymousFrom(flags: Flags, configured: AnonymousConfiguration | undefined, mayBe: boolean): NonNullable<AssembleOptions["anonymous"]> {
  const flag = flags["anonymous-auth"];
  if (configured && flag !== undefined)
    throw new FlagError(["anonymous: Forbidden: --anonymous-auth flag cannot be set when anonymous field is configured in authentication configuration file"]);
  if (configured) return { enabled: configured.enabled ?? false, paths: (configured.conditions ?? []).map(({ path = "" }) => path) };
  return { enabled: (flag ?? true) && mayBe };
}

function webhookFrom(flags: Flags): AssembleOptions["tokenWebhook"] {
  const { "authentication-token-webhook-config-file": path, "authentication-token-webhook-version": asked } = flags;
  if (!path) return undefined;
  const version = tokenReviewVersions.find((one) => one === asked);
  if (!version) throw new FlagError([`unsupported authentication webhook version ${JSON.stringify(asked)}, supported versions are "v1", "v1beta1"`]);
  const target = named(() => readKubeconfig(path), "--authentication-token-webhook-config-file");
  return { target, version, cacheTtlMs: flags["authentication-token-webhook-cache-ttl"] };
}

function frontProxyFrom(flags: Flags): AssembleOptions["frontProxy"] {
  const path = flags["requestheader-client-ca-file"];
  const headers = {
    allowedNames: flags["requestheader-allowed-names"],
    usernameHeaders: flags["requestheader-username-headers"],
    uidHeaders: flags["requestheader-uid-headers"],
    groupHeaders: flags["requestheader-group-headers"],
    extraHeaderPrefixes: flags["requestheader-extra-headers-prefix"],
  };
  if (!path) {
    if (Object.values(headers).some((values) => values.length))
      throw new FlagError(["--requestheader-client-ca-file is required with the other --requestheader flags"]);
    return undefined;
  }
  if (!headers.usernameHeaders.length)
    throw new FlagError(["--requestheader-username-headers is required with --requestheader-client-ca-file, e.g. X-Remote-User"]);
  const ca = readCertificates(path, "--requestheader-client-ca-file");
  const other = flags["client-ca-file"];
  if (other && !headers.allowedNames.length && overlap(ca, readCertificates(other, "--client-ca-file")))
    throw new FlagError([
      "--requestheader-client-ca-file and --client-ca-file contain overlapping certificates; --requestheader-allowed-names must be specified to ensure regular client certificates cannot set authenticating proxy headers for arbitrary users",
    ]);
  return { ca, ...headers };
}

function overlap(a: string, b: string): boolean {
  const prints = (pem: string): string[] =>
    (pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []).map((block) => new X509Certificate(block).fingerprint256);
  const known = new Set(prints(a));
  return prints(b).some((print) => known.has(print));
}
