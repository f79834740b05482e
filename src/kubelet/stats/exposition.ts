/** Prometheus' text format 0.0.4 for figures that are read when they are asked for: families in order, samples with their times. */

const escaped = (value: string): string =>
  value.includes("\\") || value.includes('"') || value.includes("\n") ? value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n") : value;

/** Label set as text, once for all samples that have it. */
export const labelText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(",");

export class Exposition {
  readonly #families = new Map<string, { head: string; lines: string[] }>();

  /** Names a family; samples of families that nobody named are the caller's mistake. */
  family(name: string, type: "counter" | "gauge", help: string): void {
    this.#families.set(name, { head: `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`, lines: [] });
  }
  /** `labels`: as labelText makes it. `time`: milliseconds since the epoch. */
  add(name: string, labels: string, value: number, time?: number): void {
    const family = this.#families.get(name);
    if (!family) throw new Error(`no family ${name}`);
    family.lines.push(`${name}${labels ? `{${labels}}` : ""} ${value}${time === undefined ? "" : ` ${Math.floor(time)}`}\n`);
  }
  /** Families without samples are left out. */
  toString(): string {
    let out = "";
    for (const name of [...this.#families.keys()].sort()) {
      const { head, lines } = this.#families.get(name) as { head: string; lines: string[] };
      if (lines.length) out += head + lines.join("");
    }
    return out;
  }
}
