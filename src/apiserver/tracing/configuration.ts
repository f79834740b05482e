/** The file of --tracing-config-file (apiserver.config.k8s.io TracingConfiguration, k8s.io/component-base/tracing/api/v1). */
import { type FieldError, invalidValue, path } from "../../api/field.ts";
import { decodeConfiguration, throwFieldErrors } from "../configuration-file.ts";

export interface TracingConfiguration {
  /** As gRPC names it; without a scheme by DNS. @default localhost:4317 */
  endpoint: string;
  /** Of the traces that begin here. @default 0 */
  samplingRatePerMillion: number;
}

const kind = {
  kind: "TracingConfiguration",
  versions: ["apiserver.config.k8s.io/v1", "apiserver.config.k8s.io/v1beta1", "apiserver.config.k8s.io/v1alpha1"],
  fields: { endpoint: "string", samplingRatePerMillion: "int" },
} as const;
const million = 1_000_000;
const schemes = ["dns", "unix", "unix-abstract"];

/** Throws ConfigurationError. */
export function readTracing(text: string): TracingConfiguration {
  const { endpoint = "localhost:4317", samplingRatePerMillion: rate = 0 } = decodeConfiguration<Partial<TracingConfiguration>>(text, kind);
  const errors: FieldError[] = [];
  if (rate < 0) errors.push(invalidValue(path("samplingRatePerMillion"), rate, "sampling rate must be positive"));
  if (rate > million) errors.push(invalidValue(path("samplingRatePerMillion"), rate, "sampling rate per million must be less than or equal to one million"));
  const scheme = endpoint.includes("//") ? endpoint.slice(0, endpoint.indexOf(":")) : "dns";
  if (!schemes.includes(scheme)) {
    const options = "Options are none, dns, unix, or unix-abstract.  See https://github.com/grpc/grpc/blob/master/doc/naming.md";
    errors.push(invalidValue(path("endpoint"), endpoint, `unsupported scheme: ${scheme}.  ${options}`));
  }
  throwFieldErrors(errors);
  return { endpoint: endpoint.includes("//") ? endpoint : `dns:///${endpoint}`, samplingRatePerMillion: rate };
}
