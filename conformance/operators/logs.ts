/** What an operator's programs wrote, and which of it tells of an error. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "../cluster/checks.ts";
import type { Cluster } from "../cluster/cluster.ts";

/** klog's errors and panics, zap's in both of its forms, and what client-go says of watches that end wrongly. */
const errorLine = /^[EF]\d{4} |^panic:|\tERROR\t|"level":"(error|dpanic|panic|fatal)"|Failed to watch|failed to list|unable to decode/;

/** Lines that upstream's API server brings about as well. */
export interface ExpectedLine {
  line: RegExp;
  why: string;
}

interface LogJudge {
  cluster: Cluster;
  namespace: string;
  /** Directory in which they are kept. */
  keep: string;
  expected?: ExpectedLine[];
}

/** Looks at every pod there is. Throws with the first lines that are neither harmless nor expected, and where a container was restarted. */
export async function expectCleanLogs({ cluster, namespace, keep, expected = [] }: LogJudge): Promise<string> {
  const bad: string[] = [];
  let [lines, known] = [0, 0];
  const { items } = await cluster.json<{ items: { metadata: { name: string }; status: { containerStatuses?: { restartCount: number }[] } }[] }>(
    `--namespace ${namespace} get pods`,
  );
  for (const { metadata, status } of items) {
    const text = await cluster.kubectl(`--namespace ${namespace} logs ${metadata.name} --tail=-1`);
    writeFileSync(join(keep, `${metadata.name}.log`), text);
    for (const line of text.split("\n").filter(Boolean)) {
      lines++;
      if (!errorLine.test(line)) continue;
      if (expected.some((e) => e.line.test(line))) known++;
      else bad.push(`${metadata.name}: ${line.slice(0, 400)}`);
    }
    for (const { restartCount } of status.containerStatuses ?? []) if (restartCount > 0) bad.push(`${metadata.name} was restarted ${restartCount} times`);
  }
  expect(bad.length === 0, `${bad.length} lines: ${bad.slice(0, 5).join(" | ")}`);
  return `${items.length} pods, ${lines} lines${known ? `, ${known} of them errors that upstream brings about as well` : ""}`;
}
