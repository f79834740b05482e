/** What upstream's kubelet finds wrong with a KubeletConfiguration (pkg/kubelet/apis/config/validation), in its words. Pure. */
import { parseQuantity } from "../../api/quantity.ts";
import { formatDuration } from "../../api/time.ts";
import type { Taint } from "../../api/types/core-v1.gen.ts";
import { evictionThresholds } from "../../kubelet/eviction/thresholds.ts";
import { allowlistProblem } from "../../kubelet/image-pull/verification-policy.ts";
import { parseCpuList } from "../../linux/cpu-list.ts";
import type { ConfigValues } from "./config-file.ts";
import { parseDuration } from "./flag-types.ts";

type Check = (values: ConfigValues) => (string | false | undefined)[];

const given = <T>(values: ConfigValues, field: string, wrong: (value: T) => boolean, message: (value: T) => string): string | false => {
  const value = values.get<T>(field);
  return value !== undefined && wrong(value) && message(value);
};
function isReservation(item: unknown): boolean {
  const { numaNode, limits, ...rest } = (item ?? {}) as Record<string, unknown>;
  if (!Number.isSafeInteger(numaNode) || typeof limits !== "object" || limits === null || Object.keys(rest).length) return false;
  return Object.entries(limits).every(([name, quantity]) => {
    try {
      return (name === "memory" || name.startsWith("hugepages-")) && parseQuantity(String(quantity)).mantissa >= 0n;
    } catch {
      return false;
    }
  });
}
function cpuListProblem(list: string): string | undefined {
  try {
    parseCpuList(list);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
const notNegative = (values: ConfigValues, field: string, flag: string): string | false =>
  given<number>(
    values,
    field,
    (n) => n < 0,
    (n) => `${field} (--${flag}) ${n} must not be a negative number`,
  );
const between = (values: ConfigValues, field: string, flag: string, least: number, most: number): string | false =>
  given<number>(
    values,
    field,
    (n) => n < least || n > most,
    (n) => `${field} (--${flag}) ${n} must be between ${least} and ${most}, inclusive`,
  );

const numbers: Check = (values) => [
  given<number>(
    values,
    "nodeLeaseDurationSeconds",
    (n) => n <= 0,
    () => "nodeLeaseDurationSeconds must be greater than 0",
  ),
  values.get("healthzPort") !== 0 && between(values, "healthzPort", "healthz-port", 1, 65535),
  between(values, "port", "port", 1, 65535),
  given<unknown[]>(
    values,
    "reservedMemory",
    (list) => !list.every(isReservation),
    () => "reservedMemory: each item must have a numaNode, which is a number, and limits, a mapping of memory and hugepages to quantities",
  ),
  given<string>(
    values,
    "reservedSystemCPUs",
    (list) => cpuListProblem(list) !== undefined,
    (list) => `unable to parse reservedSystemCPUs (--reserved-cpus) ${list}, error: ${cpuListProblem(list)}`,
  ),
  between(values, "oomScoreAdj", "oom-score-adj", -1000, 1000),
  notNegative(values, "maxPods", "max-pods"),
  notNegative(values, "podsPerCore", "pods-per-core"),
  notNegative(values, "evictionMaxPodGracePeriod", "eviction-max-pod-grace-period"),
  given<number>(
    values,
    "nodeStatusMaxImages",
    (n) => n < -1,
    (n) => `nodeStatusMaxImages (--node-status-max-images) ${n} must be -1 or greater`,
  ),
  given<number>(
    values,
    "cpuCFSQuotaPeriod",
    (ms) => ms < 1 || ms > 1000,
    (ms) => `cpuCFSQuotaPeriod (--cpu-cfs-quota-period) {${formatDuration(ms)}} must be between 1ms and 1sec, inclusive`,
  ),
  given<number>(
    values,
    "crashLoopBackOff.maxContainerRestartPeriod",
    (ms) => ms < 1000 || ms > 300_000,
    (ms) => `CrashLoopBackOff.MaxContainerRestartPeriod (got: ${ms / 1000} seconds) must be set between 1s and 300s`,
  ),
];

const images: Check = (values) => {
  const number = (field: string, fallback: number): number => values.get<number>(field) ?? fallback;
  const [high, low] = [number("imageGCHighThresholdPercent", 85), number("imageGCLowThresholdPercent", 80)];
  const [oldest, youngest] = [number("imageMaximumGCAge", 0), number("imageMinimumGCAge", 120_000)];
  const parallel = values.get<number>("maxParallelImagePulls");
  const policy = values.get<string>("imagePullCredentialsVerificationPolicy") ?? "NeverVerifyPreloadedImages";
  const allowlist = values.get<string[]>("preloadedImagesVerificationAllowlist") ?? [];
  const pattern = allowlist.map(allowlistProblem).find((problem) => problem !== undefined);
  return [
    between(values, "imageGCHighThresholdPercent", "image-gc-high-threshold", 0, 100),
    between(values, "imageGCLowThresholdPercent", "image-gc-low-threshold", 0, 100),
    low >= high &&
      `imageGCLowThresholdPercent (--image-gc-low-threshold) ${low} must be less than imageGCHighThresholdPercent (--image-gc-high-threshold) ${high}`,
    youngest < 0 && `imageMinimumGCAge ${formatDuration(youngest)} must not be negative`,
    oldest < 0 && `imageMaximumGCAge ${formatDuration(oldest)} must not be negative`,
    oldest > 0 && oldest <= youngest && `imageMaximumGCAge ${formatDuration(oldest)} must be greater than imageMinimumGCAge ${formatDuration(youngest)}`,
    notNegative(values, "registryPullQPS", "registry-qps"),
    notNegative(values, "registryBurst", "registry-burst"),
    parallel !== undefined && parallel < 1 && `maxParallelImagePulls ${parallel} must be a positive number`,
    (parallel ?? 0) > 1 &&
      values.get("serializeImagePulls") !== false &&
      "maxParallelImagePulls cannot be larger than 1 unless SerializeImagePulls (--serialize-image-pulls) is set to false",
    pattern && `invalid image pattern in \`preloadedImagesVerificationAllowlist\`: ${pattern}`,
    allowlist.length > 0 &&
      policy !== "NeverVerifyAllowlistedImages" &&
      'can\'t set `preloadedImagesVerificationAllowlist` if `imagePullCredentialsVertificationPolicy` is not "NeverVerifyAllowlistedImages"',
  ];
};

const logs: Check = (values) => {
  const directory = values.get<string>("podLogsDir");
  return [
    given<number>(
      values,
      "containerLogMaxWorkers",
      (n) => n < 1,
      () => "containerLogMaxWorkers must be greater than or equal to 1",
    ),
    given<number>(
      values,
      "containerLogMonitorInterval",
      (ms) => ms < 3000,
      () => "containerLogMonitorInterval must be a positive time duration greater than or equal to 3s",
    ),
    given<number>(
      values,
      "containerLogMaxFiles",
      (n) => n <= 1,
      () => "containerLogMaxFiles must be greater than 1",
    ),
    directory !== undefined && !directory.startsWith("/") && `pod logs path ${JSON.stringify(directory)} must be absolute path`,
    directory !== undefined && /\/\/|\/\.{1,2}(\/|$)|.\/$/.test(directory) && `pod logs path ${JSON.stringify(directory)} must be normalized`,
    // biome-ignore lint/suspicious/noControlCharactersInRegex: every character of ASCII is meant
    directory !== undefined && /[^\x00-\x7f]/.test(directory) && `pod logs path ${JSON.stringify(directory)} mut contain ASCII characters only`,
  ];
};

const shutdown: Check = (values) => {
  const [all, critical] = [values.get<number>("shutdownGracePeriod") ?? 0, values.get<number>("shutdownGracePeriodCriticalPods") ?? 0];
  const periods = values.get<{ priority?: unknown; shutdownGracePeriodSeconds?: unknown }[]>("shutdownGracePeriodByPodPriority") ?? [];
  const tooShort = (ms: number): boolean => ms < 0 || (ms > 0 && ms < 1000);
  const isWhole = (value: unknown): boolean => typeof value === "number" && Number.isSafeInteger(value);
  return [
    critical > all && `shutdownGracePeriodCriticalPods {${formatDuration(critical)}} must be <= shutdownGracePeriod {${formatDuration(all)}}`,
    tooShort(all) && `shutdownGracePeriod {${formatDuration(all)}} must be either zero or otherwise >= 1 sec`,
    tooShort(critical) && `shutdownGracePeriodCriticalPods {${formatDuration(critical)}} must be either zero or otherwise >= 1 sec`,
    periods.length > 0 && (all > 0 || critical > 0) && "Cannot specify both shutdownGracePeriodByPodPriority and shutdownGracePeriod at the same time",
    ...periods.map(
      (one, i) =>
        !(isWhole(one?.priority) && isWhole(one?.shutdownGracePeriodSeconds)) &&
        `shutdownGracePeriodByPodPriority[${i}] must have a priority and shutdownGracePeriodSeconds, both whole numbers`,
    ),
  ];
};

const effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
const taints: Check = (values) =>
  (values.get<Taint[]>("registerWithTaints") ?? []).flatMap((taint) => [
    (!taint?.key || !effects.includes(taint.effect)) && `invalid taint: ${JSON.stringify(taint)}`,
    taint?.timeAdded !== undefined && "taint.TimeAdded is not nil",
  ]);

const quantities: Check = (values) =>
  [
    ["containerLogMaxSize", { containerLogMaxSize: values.get<string>("containerLogMaxSize") ?? "10Mi" }] as const,
    ...(["systemReserved", "kubeReserved"] as const).map((field) => [field, values.get<Record<string, string>>(field) ?? {}] as const),
  ].flatMap(([field, of]) =>
    Object.entries(of).map(([name, text]) => {
      if (field !== "containerLogMaxSize" && !["cpu", "memory", "ephemeral-storage", "pid"].includes(name))
        return `cannot reserve ${JSON.stringify(name)} resource in ${field}`;
      try {
        return parseQuantity(text).sign() < 0 && `resource quantity for ${JSON.stringify(name)} cannot be negative: ${text}`;
      } catch (error) {
        return `failed to parse quantity ${JSON.stringify(text)} for ${JSON.stringify(name)} resource: ${(error as Error).message}`;
      }
    }),
  );

/** Milliseconds by signal. Throws one that cannot be read. */
export function gracePeriods(values: ConfigValues): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values.get<Record<string, string>>("evictionSoftGracePeriod") ?? {}).map(([signal, text]) => {
      const period = parseDuration(text);
      if (period < 0) throw new Error(`invalid eviction grace period specified: ${text}, must be a positive value`);
      return [signal, period];
    }),
  );
}

const eviction: Check = (values) => {
  try {
    evictionThresholds({
      evictionHard: values.get("evictionHard") ?? {},
      evictionSoft: values.get("evictionSoft") ?? {},
      evictionSoftGracePeriod: gracePeriods(values),
      evictionMinimumReclaim: values.get("evictionMinimumReclaim") ?? {},
    });
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
};

const checks: readonly Check[] = [numbers, images, logs, taints, quantities, shutdown, eviction];

export const kubeletConfigProblems = (values: ConfigValues): string[] =>
  checks.flatMap((check) => check(values).filter((problem): problem is string => !!problem)).map((problem) => `invalid configuration: ${problem}`);
