/**
 * Loaded into a server of ours by --import: measures how long its event loop is held up. At SIGUSR2 writes milliseconds as
 * JSON to $K8TS_LOOP_DELAY.PID and begins anew.
 */
import { renameSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

const resolution = 5;
const delays = monitorEventLoopDelay({ resolution });
delays.enable();
process.on("SIGUSR2", () => {
  // The timer's own period is part of what is recorded.
  const ms = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - resolution);
  const file = `${process.env.K8TS_LOOP_DELAY}.${process.pid}`;
  writeFileSync(`${file}.new`, JSON.stringify({ p50: ms(delays.percentile(50)), p99: ms(delays.percentile(99)), max: ms(delays.max) }));
  renameSync(`${file}.new`, file);
  delays.reset();
});
