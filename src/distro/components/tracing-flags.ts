/** Where traces of the API server go, by --tracing-config-file (k8s.io/apiserver/pkg/server/options/tracing.go). */
import { ConfigurationError } from "../../apiserver/configuration-file.ts";
import { readTracing } from "../../apiserver/tracing/configuration.ts";
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { systemRandom } from "../../base/random.ts";
import { SpanExporter } from "../../base/tracing/otlp.ts";
import { Tracer } from "../../base/tracing/span.ts";
import { readNamed } from "./files.ts";
import { FlagError } from "./flag-error.ts";
import { file } from "./flag-types.ts";

export const tracingFlags = {
  "tracing-config-file": file("TracingConfiguration: where traces go and how many, e.g. /etc/k8ts/tracing.yaml"),
};

export interface Tracing extends AsyncDisposable {
  readonly tracer: Tracer;
}

/** Undefined where nothing is traced. Throws FlagError. */
export function tracingFrom({ "tracing-config-file": path }: { "tracing-config-file": string | undefined }, logger: Logger): Tracing | undefined {
  if (!path) return undefined;
  let configuration: ReturnType<typeof readTracing>;
  try {
    configuration = readTracing(readNamed(path, "--tracing-config-file"));
  } catch (error) {
    if (error instanceof ConfigurationError) throw new FlagError([`--tracing-config-file: ${error.message}`]);
    throw error;
  }
  const exporter = new SpanExporter({
    endpoint: configuration.endpoint,
    resource: { "service.name": "apiserver", "service.instance.id": `apiserver-${systemRandom.uuid()}` },
    scope: "k8s.io/component-base/tracing",
    clock: systemClock,
    logger: logger.child("tracing"),
  });
  const tracer = new Tracer({
    clock: systemClock,
    random: systemRandom,
    ratio: configuration.samplingRatePerMillion / 1_000_000,
    take: (span) => exporter.take(span),
  });
  return { tracer, [Symbol.asyncDispose]: () => exporter[Symbol.asyncDispose]() };
}
