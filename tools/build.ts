/**
 * The release: everything of src/ in a few files under dist/ (the command line and what `import` gives), the data beside
 * them, and the declarations of what is exported. `npm pack` runs it. Dependencies stay dependencies of the package.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { build, type Plugin } from "esbuild";

const out = "dist";
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
rmSync(out, { recursive: true, force: true });
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

execFileSync("node_modules/.bin/tsc", [
  ..."--ignoreConfig --declaration --emitDeclarationOnly --rewriteRelativeImportExtensions --rootDir src --skipLibCheck --strict".split(" "),
  ..."--target es2024 --lib es2024,esnext --module nodenext --types node --verbatimModuleSyntax --resolveJsonModule".split(" "),
  "--outDir",
  join(out, "types"),
  "src/index.ts",
]);
