/**
 * Flags of a component as data: those that act, with their types, and those that upstream has and we refuse, each with one
 * sentence. The syntax is pflag's: `--name=value`, `--name value`, `--switch`, `--switch=false`, `_` for `-` in names.
 */
import { FlagError } from "./flag-error.ts";

export interface Flag<T> {
  /** As help shows it: `int`, `duration`, `strings`. */
  readonly type: string;
  readonly help: string;
  readonly fallback: T;
  /** How help shows the default; absent: not shown. */
  readonly shown?: string;
  /** May be given without a value, which then is this text. */
  readonly bare?: string;
  /** Values as they are checked by help's reader and by completion. */
  readonly choices?: readonly string[];
  /** `before` is what an earlier use of the same flag gave. Throws an Error whose message ends the sentence `invalid ...: `. */
  parse(text: string, before: T | undefined): T;
  /** How /flagz shows a value, where its type does not say it. */
  write?(value: T): string;
}

export type FlagTable = Readonly<Record<string, Flag<unknown>>>;
export type FlagValues<F extends FlagTable> = { readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

/** Names under the reason that they share. */
export type Refusals = readonly (readonly [reason: string, ...names: string[]])[];

export interface Component<F extends FlagTable = FlagTable> {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly examples: readonly string[];
  readonly flags: F;
  readonly refused: Refusals;
  /** Resolves when it was asked to stop and has stopped. */
  run(flags: FlagValues<F>): Promise<void>;
}

export const defineComponent = <F extends FlagTable>(component: Component<F>): Component<F> => component;

/** What the command line says; what it leaves out has its default. Throws FlagError with everything that is wrong with it. */
export function parseFlags<F extends FlagTable>(component: Component<F>, args: readonly string[]): FlagValues<F> {
  const { flags, refused } = component;
  const given = new Map<string, unknown>();
  const problems: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (!arg.startsWith("--") || arg === "--") {
      problems.push(`${JSON.stringify(arg)} is not a flag: k8ts ${component.name} takes only flags, each beginning with --`);
      continue;
    }
    const equals = arg.indexOf("=");
    const name = (equals < 0 ? arg.slice(2) : arg.slice(2, equals)).replaceAll("_", "-");
    const flag = flags[name];
    if (!flag) {
      const why = refusalOf(refused, name);
      problems.push(why ? `--${name} is not supported: ${why}` : `unknown flag --${name}${suggestion(name, Object.keys(flags))}`);
      // A value of its own must not be taken for another mistake.
      if (equals < 0 && args[i + 1] !== undefined && !args[i + 1]?.startsWith("-")) i++;
      continue;
    }
    let text = equals < 0 ? flag.bare : arg.slice(equals + 1);
    if (text === undefined) {
      text = args[++i];
      if (text === undefined) {
        problems.push(`--${name} needs a value of type ${flag.type}: --${name}=...`);
        continue;
      }
    }
    try {
      given.set(name, flag.parse(text, given.get(name)));
    } catch (error) {
      problems.push(`invalid value ${JSON.stringify(text)} for --${name}: ${(error as Error).message}`);
    }
  }
  if (problems.length) throw new FlagError(problems, `see \`k8ts ${component.name} --help\``);
  return Object.fromEntries(Object.entries(flags).map(([name, flag]) => [name, given.has(name) ? given.get(name) : flag.fallback])) as FlagValues<F>;
}

function refusalOf(refused: Refusals, name: string): string | undefined {
  for (const [reason, ...names] of refused) if (names.includes(name)) return reason;
  return undefined;
}

function suggestion(name: string, known: readonly string[]): string {
  const near = known
    .map((candidate) => ({ candidate, away: distance(name, candidate) }))
    .filter(({ away, candidate }) => away <= Math.max(2, Math.floor(candidate.length / 4)))
    .sort((a, b) => a.away - b.away)[0];
  return near ? `: did you mean --${near.candidate}?` : "";
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length] as number;
}

/** The whole help text of a component. */
export function helpText(component: Component): string {
  const rows = Object.entries(component.flags)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([name, flag]) =>
        [`--${name}${flag.type === "bool" ? "" : ` ${flag.type}`}`, `${flag.help}${flag.shown === undefined ? "" : ` (default ${flag.shown})`}`] as const,
    );
  const width = Math.min(44, Math.max(...rows.map(([left]) => left.length)) + 2);
  const lines = rows.map(([left, right]) => (left.length + 2 > width ? `  ${left}\n${" ".repeat(width + 2)}${right}` : `  ${left.padEnd(width)}${right}`));
  return [
    `Usage: k8ts ${component.name} [flags]`,
    "",
    component.description,
    "",
    "Flags:",
    ...lines,
    `  ${"--help".padEnd(width)}this text`,
    "",
    ...(component.refused.length ? ["Every other flag of the upstream component is refused with the reason.", ""] : []),
    "Examples:",
    ...component.examples.map((example) => `  ${example}`),
    "",
  ].join("\n");
}
