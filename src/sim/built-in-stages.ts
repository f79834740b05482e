/** The stages that come with simulated nodes. */
import { readFileSync } from "node:fs";
import { parseStages } from "./parse-stages.ts";
import { kindKey, type Stage } from "./stage.ts";
import { StageFileError } from "./stage-source.ts";

const files: Record<string, URL> = {
  "node-ready.yaml": new URL("./stages/node-ready.yaml", import.meta.url),
  "pod-image.yaml": new URL("./stages/pod-image.yaml", import.meta.url),
  "pod-ready.yaml": new URL("./stages/pod-ready.yaml", import.meta.url),
  "pod-update.yaml": new URL("./stages/pod-update.yaml", import.meta.url),
  "pod-complete.yaml": new URL("./stages/pod-complete.yaml", import.meta.url),
  "pod-delete.yaml": new URL("./stages/pod-delete.yaml", import.meta.url),
};

/** What a cluster does where no stage file says otherwise: nodes Ready, pods Running, a Job's pods done, deletions done. */
export function builtInStages(): readonly Stage[] {
  builtIn ??= Object.entries(files).flatMap(([name, url]) => parseStages(readFileSync(url, "utf8"), name));
  return builtIn;
}
let builtIn: readonly Stage[] | undefined;

/** Built-in stages and those of files; two with one name are refused with StageFileError. A file that has stages for a kind replaces the built-in ones of that kind. */
export function withStages(fromFiles: readonly Stage[]): Stage[] {
  const byName = new Map<string, Stage>();
  const problems = fromFiles.flatMap((stage) => {
    const other = byName.get(stage.name);
    byName.set(stage.name, stage);
    return other ? [`${stage.where}: metadata.name: ${JSON.stringify(stage.name)} is the name of the stage at ${other.where}, too: give it another one`] : [];
  });
  if (problems.length) throw new StageFileError(problems.join("\n"));
  const replaced = new Set(fromFiles.map(({ of }) => kindKey(of)));
  return [...builtInStages().filter(({ of }) => !replaced.has(kindKey(of))), ...fromFiles];
}
