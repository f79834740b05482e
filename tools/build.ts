/**
 * The release: everything of src/ in a few files (the command line and what `import` gives), the data beside them, and the
 * declarations of what is exported. `npm pack` runs it. Dependencies stay dependencies of the package.
 *
 * Usage: node tools/build.ts [--out DIR] [--bundle]
 *   --out     @default dist
 *   --bundle  without the declarations, which only programs that import k8ts need
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { build, type Plugin } from "esbuild";

const { values } = parseArgs({ options: { out: { type: "string", default: "dist" }, bundle: { type: "boolean", default: false } } });
// Takes the place of the last one when it is complete: what is there is whole, even if this is killed.
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
        const name = `${basename(dirname(from))}-${basename(from)}`;
        copyFileSync(from, join(out, name));
        return `new URL(${JSON.stringify(`./${name}`)}, import.meta.url)`;
      });
      return { contents, loader: "ts" };
    });
  },
};

execFileSync(process.execPath, ["tools/schema/prose.ts"], { stdio: "inherit" });
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
rmSync(values.out, { recursive: true, force: true });
renameSync(out, values.out);
