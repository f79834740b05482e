/** Everything is admitted, or nothing is: for tests (plugin/pkg/admission/{admit,deny}). */
import type { AdmissionPlugin } from "../admission.ts";
import { refuse } from "../refuse.ts";

export const alwaysAdmit: AdmissionPlugin = { name: "AlwaysAdmit", validate: () => undefined };

export const alwaysDeny: AdmissionPlugin = {
  name: "AlwaysDeny",
  mutate(attributes) {
    throw refuse(attributes, "admission control is denying all modifications");
  },
};
