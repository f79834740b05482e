/** Configurations that are read again when their file changes (k8s.io/apiserver/pkg/server/options/{authentication,authorization}config/metrics). */
import type { Clock } from "../../base/clock.ts";
import type { Metrics } from "../../base/metrics.ts";
import { hashOf } from "../encryption/metrics.ts";

export interface ReloadSeries {
  /** `text` is in force now. */
  configured(text: string): void;
  /** The file was read again; without a text it is not used. */
  reloaded(text: string | undefined): void;
}

/** `section`: what is configured, as names of series have it. `server`: the API server's own name. */
export function reloadSeries(metrics: Metrics, clock: Clock, section: "authorization" | "authentication", server: string): ReloadSeries {
  const of = (rest: string): string => `apiserver_${section}_config_controller_${rest}`;
  const labels = ["status", "apiserver_id_hash"];
  const reloads = metrics.counter(
    of("automatic_reloads_total"),
    `Total number of automatic reloads of ${section} configuration split by status and apiserver identity.`,
    labels,
  );
  const last = metrics.gauge(
    of("automatic_reload_last_timestamp_seconds"),
    `Timestamp of the last automatic reload of ${section} configuration split by status and apiserver identity.`,
    labels,
  );
  const info = metrics.gauge(
    of("last_config_info"),
    `Information about the last applied ${section} configuration with hash as label, split by apiserver identity.`,
    ["apiserver_id_hash", "hash"],
  );
  const id = hashOf(server);
  const configured = (text: string): void => {
    info.clear();
    info.set(1, id, hashOf(text));
  };
  return {
    configured,
    reloaded(text) {
      const status = text === undefined ? "failure" : "success";
      reloads.inc(status, id);
      last.set(clock.now() / 1000, status, id);
      if (text !== undefined) configured(text);
    },
  };
}
