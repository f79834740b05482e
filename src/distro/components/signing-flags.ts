/** Who signs approved certificate requests: one authority for all signers, or one for each (cmd/kube-controller-manager/app/certificates.go). */
import { systemClock } from "../../base/clock.ts";
import type { ControllerOptions, SignRequest } from "../../controllers/runtime/options.ts";
import { requestSigner } from "../request-signer.ts";
import { readCertificates, readPrivateKey } from "./files.ts";
import { FlagError } from "./flag-error.ts";
import { file } from "./flag-types.ts";

const signers = {
  "kube-apiserver-client": "kubernetes.io/kube-apiserver-client",
  "kubelet-client": "kubernetes.io/kube-apiserver-client-kubelet",
  "kubelet-serving": "kubernetes.io/kubelet-serving",
  "legacy-unknown": "kubernetes.io/legacy-unknown",
} as const;
type Part = keyof typeof signers;
const parts = Object.keys(signers) as Part[];

const pair = <P extends string>(prefix: P, what: string) =>
  ({
    [`${prefix}-cert-file`]: file(`PEM certificate of the authority that signs ${what}`),
    [`${prefix}-key-file`]: file("PEM key of that authority"),
  }) as Record<`${P}-cert-file` | `${P}-key-file`, ReturnType<typeof file>>;

export const signingFlags = {
  ...pair("cluster-signing", "approved certificate requests"),
  ...pair("cluster-signing-kube-apiserver-client", `those for ${signers["kube-apiserver-client"]} alone`),
  ...pair("cluster-signing-kubelet-client", `those for ${signers["kubelet-client"]} alone`),
  ...pair("cluster-signing-kubelet-serving", `those for ${signers["kubelet-serving"]} alone`),
  ...pair("cluster-signing-legacy-unknown", `those for ${signers["legacy-unknown"]} alone`),
} as const;

export type SigningFlags = { readonly [K in keyof typeof signingFlags]: string };

/** Undefined for a pair that was not given. Throws FlagError for half a pair, and for files that cannot be used. */
function authority(flags: SigningFlags, prefix: "cluster-signing" | `cluster-signing-${Part}`): SignRequest | undefined {
  const [cert, key] = [flags[`${prefix}-cert-file`], flags[`${prefix}-key-file`]];
  if (!cert && !key) return undefined;
  if (!cert || !key) throw new FlagError([`--${prefix}-cert-file and --${prefix}-key-file: one is of no use without the other`]);
  const certificate = readCertificates(cert, `--${prefix}-cert-file`);
  return requestSigner({ certificate, key: readPrivateKey(key, `--${prefix}-key-file`), clock: systemClock });
}

export function signing(flags: SigningFlags): Pick<ControllerOptions, "signRequest"> {
  const all = authority(flags, "cluster-signing");
  const special = new Map(
    parts.flatMap((part): [string, SignRequest][] => {
      const one = authority(flags, `cluster-signing-${part}`);
      return one ? [[signers[part], one]] : [];
    }),
  );
  if (all && special.size) throw new FlagError(["cannot specify --cluster-signing-{cert,key}-file and other --cluster-signing-*-file flags at the same time"]);
  if (all) return { signRequest: all };
  return special.size ? { signRequest: async (asked) => special.get(asked.signerName)?.(asked) } : {};
}
