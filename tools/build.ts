/**
 * The release: everything of src/ in a few files (the command line and what `import` gives), the data beside them, and the
 * declarations of what is exported. `npm pack` runs it. Dependencies stay dependencies of the package.
 *
 * May run twice at once and beside programs that run what an earlier one made: every file but the two entries is named by its
 * content and stays for whom it serves, and the entries come last, each in one step. The entry is as old as the sources that
 * it was made of.
 *
 * Usage: node tools/build.ts [--out DIR] [--bundle]
 *   --out     @default dist
 *   --bundle  without the declarations, which only programs that import k8ts need, and without what else takes time
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "./command-line.ts";
import { build, type Plugin } from "esbuild";

const { values } = parseArgs({ options: { out: { type: "string", default: "dist" }, bundle: { type: "boolean", default: false } } });
const out = `dist.${process.pid}`;
const { dependencies } = JSON.parse(readFileSync("package.json", "utf8")) as { dependencies: Record<string, string> };

/** Data that a module reads beside itself (`new URL("./types.json", import.meta.url)`) goes beside the bundle. */
const dataFiles: Plugin = {
  name: "data files",
  setup({ onLoad }) {
    onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      const contents = source.replaceAll(/new URL\("([^"]+\.(?:json|yaml))", import\.meta\.url\)/g, (_, file: string) => {
        const from = resolve(dirname(path), file);
        const [, stem, ending] = /^(.*)(\.\w+)$/.exec(basename(from)) ?? [];
        const hash = createHash("sha256").update(readFileSync(from)).digest("hex").slice(0, 8).toUpperCase();
        const name = `${basename(dirname(from))}-${stem}-${hash}${ending}`;
        copyFileSync(from, join(out, name));
        return `new URL(${JSON.stringify(`./${name}`)}, import.meta.url)`;
      });
      return { contents, loader: "ts" };
    });
  },
};

if (!values.bundle || !existsSync("src/api/openapi/prose.json")) execFileSync(process.execPath, ["tools/schema/prose.ts"], { stdio: "inherit" });
for (const name of readdirSync(".")) if (/^dist\.\d+$/.test(name) && !alive(Number(name.slice(5)))) rmSync(name, { recursive: true, force: true });
const began = new Date();
mkdirSync(out);
await build({
  entryPoints: { k8ts: "src/distro/main.ts", index: "src/index.ts" },
  outdir: out,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node24",
  minifySyntax: true,
  minifyWhitespace: true,
  // Node prints the line of an error that nobody catches.
  lineLimit: 160,
  sourcemap: "linked",
  sourcesContent: false,
  external: Object.keys(dependencies),
  plugins: [dataFiles],
  logLevel: "warning",
});

const declarations = [
  ..."--ignoreConfig --declaration --emitDeclarationOnly --rewriteRelativeImportExtensions --rootDir src --skipLibCheck --strict".split(" "),
  ..."--target es2024 --lib es2024,esnext --module nodenext --types node --verbatimModuleSyntax --resolveJsonModule".split(" "),
  "--outDir",
  join(out, "types"),
  "src/index.ts",
];
if (!values.bundle) execFileSync("node_modules/.bin/tsc", declarations, { stdio: "inherit" });
place(out, values.out);

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Moves what was made to where it is used. */
function place(from: string, to: string): void {
  const entries = ["index.js.map", "k8ts.js.map", "index.js", "k8ts.js"];
  const made = readdirSync(from);
  const parts = made.filter((name) => !entries.includes(name));
  mkdirSync(to, { recursive: true });
  if (parts.includes("types")) rmSync(join(to, "types"), { recursive: true, force: true });
  for (const entry of entries) utimesSync(join(from, entry), began, began);
  for (const name of [...parts, ...entries]) renameSync(join(from, name), join(to, name));
  rmSync(from, { recursive: true });
  if (values.bundle && inUse(to)) return;
  const present = new Set(made);
  const hourAgo = began.getTime() - 3_600_000;
  for (const name of readdirSync(to)) {
    const path = join(to, name);
    const age = present.has(name) ? undefined : statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (age !== undefined && (!values.bundle || age < hourAgo)) rmSync(path, { recursive: true, force: true });
  }
}

/** Whether a program may still load parts of an earlier bundle; where that cannot be seen, it may. */
function inUse(directory: string): boolean {
  const entry = resolve(directory, "k8ts.js");
  try {
    return readdirSync("/proc").some((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(entry));
  } catch {
    return true;
  }
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    // It ended meanwhile.
    return "";
  }
}
