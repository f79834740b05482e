/** POST serviceaccounts/NAME/token (pkg/registry/core/serviceaccount/storage/token.go, KEP-1205, KEP-2799, KEP-4193). */
import type { KubeObject } from "../../../api/object.ts";
import { invalidValue, path } from "../../../api/field.ts";
import { goQuote } from "../../../api/go-quote.ts";
import { parseGroupVersion } from "../../../api/group-version.ts";
import { badRequest, conflict, internalError, invalid, notFound } from "../../../api/status.ts";
import type { TokenRequest } from "../../../api/types/authentication-v1.gen.ts";
import type { Node, Pod, Secret, ServiceAccount } from "../../../api/types/core-v1.gen.ts";
import type { Clock } from "../../../base/clock.ts";
import type { Random } from "../../../base/random.ts";
import { core, nameError, placeOf } from "../../rest/place.ts";
import type { Reader } from "../../../cache/cache.ts";
import { warnedTokenSeconds } from "../../admission/service-account.ts";
import type { TokenSigner } from "../../authentication/service-account-keys.ts";
import type { BoundRef, ServiceAccountClaims } from "../../authentication/token-claims.ts";

const extendedSeconds = 365 * 24 * 3600;
const minimumSeconds = 600;

export interface TokenIssuer {
  issuer: string;
  signer: TokenSigner;
  /** The API server's own audiences: what a token is for when its request names none. */
  audiences: readonly string[];
  /** Longest lifetime given; absent: any. */
  maxExpirationSeconds?: number;
  /** Gives pod-bound tokens of 3607 seconds a year, so that old clients keep working. @default true */
  extendExpiration?: boolean;
  /** Seconds, where that is less than a year. */
  maxExtendedSeconds?: number;
}

export interface TokenRequestDeps {
  reader: Reader;
  clock: Clock;
  random: Random;
  issuer: TokenIssuer;
  /** Validating admission on the completed request. */
  validate?(request: TokenRequest): void | Promise<void>;
  warn?(message: string): void;
}

interface Bound {
  pod?: Pod;
  node?: BoundRef;
  secret?: Secret;
}

/** `request` is decoded and defaulted; `namespace` and `name` are the URL's. Rejects with StatusError. */
export async function createToken(request: TokenRequest, namespace: string, name: string, deps: TokenRequestDeps): Promise<TokenRequest> {
  const { issuer, reader, clock } = deps;
  const { metadata } = request;
  const wrong = (field: string, value: string, what: string) =>
    invalid("TokenRequest.authentication.k8s.io", name, [invalidValue(path("metadata", field), value, `must match the service account ${what} if specified`)]);
  if (metadata?.name && metadata.name !== name) throw wrong("name", metadata.name, "name");
  if (metadata?.namespace && metadata.namespace !== namespace) throw wrong("namespace", metadata.namespace, "namespace");
  const account = reader.get<ServiceAccount>("serviceaccounts", placeOf(core("serviceaccounts"), { namespace, name }), name);
  if (!account) throw notFound("serviceaccounts", name);
  if (metadata?.uid && metadata.uid !== account.metadata.uid)
    throw conflict(
      "TokenRequest.authentication.k8s.io",
      name,
      `the UID in the token request (${metadata.uid}) does not match the UID of the service account (${account.metadata.uid})`,
    );
  const now = clock.now();
  let expirationSeconds = request.spec.expirationSeconds ?? 3600;
  const completed = (): TokenRequest => ({
    ...request,
    metadata: { ...metadata, name, namespace, uid: account.metadata.uid, creationTimestamp: rfc3339(now) },
    spec: { ...request.spec, audiences: request.spec.audiences?.length ? request.spec.audiences : [...issuer.audiences], expirationSeconds },
    status: { token: "", expirationTimestamp: "" },
  });
  checkExpiration(expirationSeconds);
  await deps.validate?.(completed());
  const bound = bind(request, namespace, name, reader);
  const most = issuer.maxExpirationSeconds;
  if (most && expirationSeconds > most) {
    deps.warn?.(`requested expiration of ${expirationSeconds} seconds shortened to ${most} seconds`);
    expirationSeconds = most;
  }
  const answer = completed();
  const ours = answer.spec.audiences.every((audience) => issuer.audiences.includes(audience));
  const extend = (issuer.extendExpiration ?? true) && bound.pod !== undefined && expirationSeconds === warnedTokenSeconds && ours;
  const claims = claimsOf(account, bound, answer.spec.audiences, Math.floor(now / 1000), {
    lifetime: extend ? Math.min(extendedSeconds, issuer.maxExtendedSeconds ?? extendedSeconds) : expirationSeconds,
    warnAfter: extend ? expirationSeconds : undefined,
  });
  const token = await signed(issuer.signer, { ...claims, iss: issuer.issuer, jti: deps.random.uuid() });
  answer.status = { token, expirationTimestamp: rfc3339(now + expirationSeconds * 1000) };
  return answer;
}

async function signed(signer: TokenSigner, claims: object): Promise<string> {
  try {
    return await signer.sign(claims);
  } catch (error) {
    throw internalError(`failed to generate token: ${(error as Error).message}`);
  }
}

const rfc3339 = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");

function checkExpiration(seconds: number): void {
  const at = path("spec", "expirationSeconds");
  const errors = [
    ...(seconds < minimumSeconds ? [invalidValue(at, seconds, "may not specify a duration less than 10 minutes")] : []),
    ...(seconds > 2 ** 32 ? [invalidValue(at, seconds, "may not specify a duration larger than 2^32 seconds")] : []),
  ];
  if (errors.length) throw invalid("TokenRequest.authentication.k8s.io", "", errors);
}

function bind(request: TokenRequest, namespace: string, account: string, reader: Reader): Bound {
  const ref = request.spec.boundObjectRef;
  if (!ref) return {};
  const name = ref.name ?? "";
  // What is no group and version is none.
  const { group, version } = parseGroupVersion(ref.apiVersion ?? "") ?? { group: "", version: "" };
  const look = <T extends KubeObject>(resource: string, home: string): T => {
    const wrong = nameError(name);
    if (wrong) throw wrong;
    const object = reader.get<T>(resource, home, name);
    if (!object) throw notFound(resource, name);
    return object;
  };
  const find = <T extends KubeObject>(resource: string, home: string): T => {
    const object = look<T>(resource, home);
    if (ref.uid && ref.uid !== object.metadata.uid)
      throw conflict(
        ref.kind ?? "",
        name,
        `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
      );
    return object;
  };
  if (group === "" && ref.kind === "Pod") {
    const pod = look<Pod>("pods", namespace);
    if (pod.spec.serviceAccountName !== account)
      throw badRequest(`cannot bind token for serviceaccount ${goQuote(account)} to pod running with different serviceaccount name.`);
    find<Pod>("pods", namespace);
    const node = pod.spec.nodeName;
    const uid = node ? reader.get<Node>("nodes", "", node)?.metadata.uid : undefined;
    return { pod, ...(node ? { node: { name: node, ...(uid ? { uid } : {}) } } : {}) };
  }
  if (group === "" && ref.kind === "Node") {
    const { metadata } = find<Node>("nodes", "");
    return { node: { name: metadata.name, uid: metadata.uid } };
  }
  if (group === "" && ref.kind === "Secret") return { secret: find<Secret>("secrets", namespace) };
  throw badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${ref.kind ?? ""}`);
}

const refOf = ({ metadata }: KubeObject): BoundRef => ({ name: metadata.name, uid: metadata.uid });

/** Keys in the order in which Go writes them: sorted outside, as declared inside "kubernetes.io". */
function claimsOf(
  account: ServiceAccount,
  bound: Bound,
  aud: string[],
  now: number,
  times: { lifetime: number; warnAfter: number | undefined },
): ServiceAccountClaims {
  return {
    aud,
    exp: now + times.lifetime,
    iat: now,
    iss: "",
    jti: "",
    "kubernetes.io": {
      namespace: account.metadata.namespace ?? "",
      ...(bound.node ? { node: bound.node } : {}),
      ...(bound.pod ? { pod: refOf(bound.pod) } : {}),
      ...(bound.secret ? { secret: refOf(bound.secret) } : {}),
      serviceaccount: refOf(account),
      ...(times.warnAfter === undefined ? {} : { warnafter: now + times.warnAfter }),
    },
    nbf: now,
    sub: `system:serviceaccount:${account.metadata.namespace}:${account.metadata.name}`,
  };
}
