/**
 * The command lines of the programs in conformance/, bench/ and tools/. `--help` prints the comment at the head of the
 * program's own file, which is the one place where its usage is written; what cannot be understood is one sentence on
 * standard error and the exit code 2.
 */
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { parseArgs as parse, type ParseArgsConfig } from "node:util";

const program = (): string => process.argv[1] ?? "";

/** Of a program's source, without the stars. */
export function headOf(source: string): string {
  const [, head = ""] = /^(?:#!.*\n)?\/\*\*\n([\s\S]*?)\n? \*\//.exec(source) ?? [];
  return head.replaceAll(/^ \* ?/gm, "");
}

/** Says what is wrong with how the program was called, and ends it. */
export function misused(sentence: string): never {
  process.stderr.write(`${relative("", program())}: ${sentence} (--help tells how to call it)\n`);
  process.exit(2);
}

/** As node:util's, which throws. */
export function parseArgs<const T extends ParseArgsConfig>(config: T): ReturnType<typeof parse<T>> {
  if (process.argv.slice(2).includes("--help")) {
    process.stdout.write(`${headOf(readFileSync(program(), "utf8"))}\n`);
    process.exit(0);
  }
  try {
    return parse(config);
  } catch (error) {
    // Node's own advice on how to pass such a word as a positional follows its first sentence.
    return misused((error as Error).message.replace(/\. .*/s, ""));
  }
}
