/** Who a client certificate stands for (k8s.io/apiserver/pkg/authentication/request/x509). */
import { unauthorized } from "../../api/status.ts";
import type { CertificateVerifier } from "../../api/x509/verifier.ts";
import type { Clock } from "../../base/clock.ts";
import type { Authenticator } from "./authenticator.ts";

/** `lasts` is told how many more milliseconds a certificate lasts that says who asks, whether it is believed or not. */
export function certificateAuthenticator(verifier: CertificateVerifier, clock: Clock, lasts?: (ms: number) => void): Authenticator {
  return {
    authenticate({ clientCertificates }) {
      if (!clientCertificates) return undefined;
      const { ends, caller } = verifier.look(clientCertificates);
      lasts?.(ends - clock.now());
      if (!caller || caller.user === null) throw unauthorized();
      return caller.user;
    },
  };
}
