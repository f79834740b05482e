/** Somebody who signs service account tokens over gRPC (externaljwt v1), rightly and wrongly. */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { externalSigner } from "../../src/apiserver/authentication/external-signer/external-signer.ts";
import { implement, serveGrpc } from "../../src/base/grpc/server.ts";

export interface SignerKey {
  id: string;
  key: KeyObject;
  alg: "RS256" | "ES256" | "ES384";
  excluded: boolean;
}
export const ecKey = (id: string, excluded = false): SignerKey => ({
  id,
  key: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  alg: "ES256",
  excluded,
});
export const rsaKey = (id: string): SignerKey => ({ id, key: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey, alg: "RS256", excluded: false });

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

export function signed(
  by: SignerKey,
  payload: string,
  header: string = encode({ alg: by.alg, kid: by.id, typ: "JWT" }),
): { header: string; signature: string } {
  const signature = sign(by.alg === "ES384" ? "sha384" : "sha256", Buffer.from(`${header}.${payload}`), { key: by.key, dsaEncoding: "ieee-p1363" });
  return { header, signature: signature.toString("base64url") };
}

export interface SignerState {
  keys: SignerKey[];
  /** Instead of what is right. */
  header?: string;
  signature?: string;
  refreshSeconds: number;
  lifeSeconds: number;
  dataTime?: { seconds: number; nanos: number };
}

export const wellBehaved = (): SignerState => ({
  keys: [ecKey("one"), rsaKey("rsa"), ecKey("quiet", true)],
  refreshSeconds: 300,
  lifeSeconds: 7200,
  dataTime: { seconds: 1_700_000_000, nanos: 0 },
});

/** Headers that are wrong, for the key that signs. */
export function wrongHeaders({ keys }: SignerState): Record<string, string> {
  const [{ id, alg }] = keys as [SignerKey];
  const right = { alg, kid: id, typ: "JWT" };
  return {
    "no type": encode({ alg, kid: id }),
    "another type": encode({ ...right, typ: "JOSE" }),
    "no key": encode({ alg, typ: "JWT" }),
    "a long key": encode({ ...right, kid: "k".repeat(1025) }),
    "the longest key": encode({ ...right, kid: "k".repeat(1024) }),
    "another algorithm": encode({ ...right, alg: "PS256" }),
    "no algorithm": encode({ kid: id, typ: "JWT" }),
    "a field more": encode({ ...right, jku: "https://example.com" }),
    "a key that is not shown": encode({ ...right, kid: "quiet" }),
    "no base64": "!!!",
    "padded base64": `${encode(right)}=`,
    "no JSON": Buffer.from("nonsense").toString("base64url"),
    "a list": encode([right]),
    nothing: "",
  };
}

/** What it says is said by `state` at that moment. */
export const startSigner = (socket: string, state: SignerState): Promise<AsyncDisposable> =>
  serveGrpc(
    socket,
    implement(externalSigner, {
      Sign: async ({ claims }) => {
        const right = signed(state.keys[0] as SignerKey, claims, state.header);
        return { ...right, ...(state.signature === undefined ? {} : { signature: state.signature }) };
      },
      FetchKeys: async () => ({
        keys: state.keys.map(({ id, key, excluded }) => ({
          keyId: id,
          key: createPublicKey(key).export({ type: "spki", format: "der" }),
          excludeFromOidcDiscovery: excluded,
        })),
        refreshHintSeconds: state.refreshSeconds,
        ...(state.dataTime ? { dataTimestamp: state.dataTime } : {}),
      }),
      Metadata: async () => ({ maxTokenExpirationSeconds: state.lifeSeconds }),
    }),
  );
