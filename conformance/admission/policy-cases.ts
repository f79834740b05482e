import type { AdmissionCase } from "./webhook-cases.ts";
export const policyCases: AdmissionCase[] = [];
