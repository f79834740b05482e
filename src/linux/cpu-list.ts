/** Sets of processors in the kernel's list form, `0-3,7` (cpuset(7)), which is also Kubernetes' (k8s.io/utils/cpuset). */

/** Throws, in Go's words, for what is no list. */
export function parseCpuList(text: string): Set<number> {
  const cpus = new Set<number>();
  const number = (part: string): number => {
    if (!/^\d+$/.test(part)) throw new Error(`strconv.Atoi: parsing ${JSON.stringify(part)}: invalid syntax`);
    return Number(part);
  };
  for (const range of text === "" ? [] : text.split(",")) {
    const [first = "", last] = range.split("-");
    const from = number(first);
    const to = last === undefined ? from : number(last);
    if (from > to || to > 65_535) throw new Error(`invalid range ${JSON.stringify(range)} (${to} < ${from})`);
    for (let cpu = from; cpu <= to; cpu++) cpus.add(cpu);
  }
  return cpus;
}

export function formatCpuList(cpus: Iterable<number>): string {
  const ranges: [number, number][] = [];
  for (const cpu of [...cpus].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last && last[1] === cpu - 1) last[1] = cpu;
    else ranges.push([cpu, cpu]);
  }
  return ranges.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join(",");
}
