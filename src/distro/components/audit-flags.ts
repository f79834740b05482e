/** What is audited and where it goes: kube-apiserver's flags (k8s.io/apiserver/pkg/server/options/audit.go), and what they make. */
import { Auditor, type AuditSink } from "../../apiserver/audit/auditor.ts";
import { AuditLog } from "../../apiserver/audit/log.ts";
import { parseAuditPolicy } from "../../apiserver/audit/policy.ts";
import { AuditWebhook } from "../../apiserver/audit/webhook.ts";
import { auditTarget } from "../../apiserver/audit/webhook-target.ts";
import { systemClock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import { systemRandom } from "../../base/random.ts";
import { readNamed } from "./files.ts";
import { FlagError } from "./flag-error.ts";
import { bool, duration, file, fixed, integer, number } from "./flag-types.ts";
import type { FlagValues } from "./flags.ts";

export const auditFlags = {
  "audit-policy-file": file("what is audited and how much of it"),
  "audit-log-path": file("file that audit events are written to; -: standard output"),
  "audit-log-maxsize": integer("megabytes after which the audit log is rotated", 100),
  "audit-log-maxage": integer("days that rotated audit logs are kept; 0: for ever", 366),
  "audit-log-maxbackup": integer("rotated audit logs that are kept; 0: all", 100),
  "audit-log-format": fixed("string", "format of the audit log", ["json"], "legacy lines are not written"),
  "audit-log-mode": fixed("string", "when audit events are written", ["blocking", "blocking-strict"], "each event is written before the request goes on"),
  "audit-log-version": fixed("string", "version of the audit events", ["audit.k8s.io/v1"], "it is the only version"),
  "audit-webhook-config-file": file("kubeconfig of the HTTPS server that audit events are sent to"),
  "audit-webhook-mode": fixed("string", "how audit events are sent", ["batch"], "no request waits for the webhook; use the log for events that must be kept"),
  "audit-webhook-version": fixed("string", "version of the audit events that are sent", ["audit.k8s.io/v1"], "it is the only version"),
  "audit-webhook-initial-backoff": duration("time before a batch is sent again that was not taken", "10s", 1),
  "audit-webhook-batch-buffer-size": integer("audit events that wait to be sent; beyond it they are lost", 10_000, 1),
  "audit-webhook-batch-max-size": integer("audit events of a batch", 400, 1),
  "audit-webhook-batch-max-wait": duration("time after which a batch goes that is not full", "30s", 1),
  "audit-webhook-batch-throttle-enable": bool("whether batches are limited to a rate", true),
  "audit-webhook-batch-throttle-qps": number("batches a second", 10),
  "audit-webhook-batch-throttle-burst": integer("batches at the same moment when there were few before", 15, 1),
  "audit-webhook-truncate-enabled": bool("whether events and batches that are too large are cut", false),
  "audit-webhook-truncate-max-batch-size": integer("bytes of a batch", 10_485_760, 1),
  "audit-webhook-truncate-max-event-size": integer("bytes of an event; larger ones lose the bodies of request and response", 102_400, 1),
} as const;

type Flags = FlagValues<typeof auditFlags>;

interface Audit {
  auditor: Auditor;
  /** Disposed of last. */
  sinks: AsyncDisposable;
}

/** Undefined where nothing is audited. Throws FlagError. */
export function auditFrom(flags: Flags, logger: Logger): Audit | undefined {
  const { "audit-policy-file": policyFile, "audit-log-path": path, "audit-webhook-config-file": config } = flags;
  if (!policyFile && !path && !config) return undefined;
  if (!policyFile || !(path || config))
    throw new FlagError([
      "--audit-policy-file and --audit-log-path or --audit-webhook-config-file must be given together: the one says what is written, the other where",
    ]);
  let policy: ReturnType<typeof parseAuditPolicy>;
  try {
    policy = parseAuditPolicy(readNamed(policyFile, "--audit-policy-file"), policyFile);
  } catch (error) {
    throw error instanceof FlagError ? error : new FlagError([`--audit-policy-file: ${(error as Error).message}`]);
  }
  const webhook = config ? webhookFrom(flags, config, logger) : undefined;
  const log = path ? logFrom(flags, path) : undefined;
  const sinks: AuditSink[] = [log, webhook].filter((sink) => sink !== undefined);
  const sink: AuditSink = {
    write(event) {
      // The log first: it alone can refuse a request.
      for (const one of sinks) one.write(event);
    },
    flush: () => log?.flush(),
    measured: (outgoing) => webhook?.measured(outgoing),
  };
  return {
    auditor: new Auditor({ policy, sink, clock: systemClock, random: systemRandom }),
    sinks: {
      async [Symbol.asyncDispose]() {
        log?.[Symbol.dispose]();
        await webhook?.[Symbol.asyncDispose]();
      },
    },
  };
}

const logFrom = (flags: Flags, path: string): AuditLog =>
  new AuditLog({
    path,
    clock: systemClock,
    maxSize: flags["audit-log-maxsize"],
    maxAge: flags["audit-log-maxage"],
    maxBackups: flags["audit-log-maxbackup"],
  });

function webhookFrom(flags: Flags, config: string, logger: Logger): AuditWebhook {
  const maxBatch = flags["audit-webhook-truncate-max-batch-size"];
  const maxEvent = flags["audit-webhook-truncate-max-event-size"];
  if (maxEvent > maxBatch) throw new FlagError(["--audit-webhook-truncate-max-event-size must not be greater than --audit-webhook-truncate-max-batch-size"]);
  if (flags["audit-webhook-batch-throttle-qps"] <= 0) throw new FlagError(["--audit-webhook-batch-throttle-qps must be greater than 0"]);
  let send: ReturnType<typeof auditTarget>;
  try {
    send = auditTarget(config, systemClock);
  } catch (error) {
    throw new FlagError([`--audit-webhook-config-file: ${config}: ${(error as Error).message}`]);
  }
  const throttle = { qps: flags["audit-webhook-batch-throttle-qps"], burst: flags["audit-webhook-batch-throttle-burst"] };
  return new AuditWebhook({
    ...{ send, clock: systemClock, random: systemRandom, logger: logger.child("audit") },
    initialBackoff: flags["audit-webhook-initial-backoff"],
    bufferSize: flags["audit-webhook-batch-buffer-size"],
    maxBatch: flags["audit-webhook-batch-max-size"],
    maxWait: flags["audit-webhook-batch-max-wait"],
    throttle: flags["audit-webhook-batch-throttle-enable"] ? throttle : undefined,
    ...(flags["audit-webhook-truncate-enabled"] ? { truncate: { maxBatch, maxEvent } } : {}),
  });
}
