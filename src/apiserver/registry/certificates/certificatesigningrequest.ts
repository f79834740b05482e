/** A certificate request bears the name of whoever made it (pkg/registry/certificates/certificates). */
import type { CertificateSigningRequest } from "../../../api/types/certificates-v1.gen.ts";
import type { Registry } from "../../rest/call.ts";

export const certificateSigningRequestRegistry: Registry = {
  async beginCreate(call, object) {
    const { spec } = object as CertificateSigningRequest;
    const { name, uid, groups, extra } = call.user;
    spec.username = name;
    spec.uid = uid;
    spec.groups = [...groups];
    if (extra && Object.keys(extra).length) spec.extra = { ...extra };
    else delete spec.extra;
    return undefined;
  },
};
