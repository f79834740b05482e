/** No new external addresses for Services: whoever names one gets its traffic (plugin/pkg/admission/network/denyserviceexternalips). */
import type { Service } from "../../../api/types/core-v1.gen.ts";
import type { AdmissionPlugin } from "../admission.ts";
import { concerns, refuse } from "../refuse.ts";

export const denyServiceExternalIPs: AdmissionPlugin = {
  name: "DenyServiceExternalIPs",
  validate(attributes) {
    if (!concerns(attributes, "services")) return;
    const { externalIPs = [] } = (attributes.object as Service).spec ?? {};
    const known = (attributes.old as Service | undefined)?.spec?.externalIPs ?? [];
    if (externalIPs.some((ip) => !known.includes(ip))) throw refuse(attributes, "Use of external IPs is denied by admission control");
  },
};
