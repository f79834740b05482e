/** What users do with an object of any kind, made of the differential judge's templates. */
import type { JSONObject } from "../../src/api/json.ts";
import type { Template } from "../differential/episodes.ts";
import type { Session, Step } from "./session.ts";

export function sessionOf(template: Template, at: number): Session {
  const { def } = template;
  const name = `k${at}x`;
  const object = JSON.parse(JSON.stringify(template.object).replaceAll("NAME", name)) as JSONObject;
  const resource = def.group ? `${def.resource}.${def.version}.${def.group}` : def.resource;
  const id = `${resource}/${String((object.metadata as JSONObject | undefined)?.name ?? name)}`;
  const whole = JSON.stringify(object);
  const labelled = JSON.stringify(withLabel(object, "from", "apply"));
  const create: Step = { run: "create -f -", in: whole };
  // What is only asked is not stored; rules are listed in the order in which an informer's map gives their bindings.
  if (def.verbs.every((verb) => verb === "create")) return { name: `${at} ${resource}`, steps: [{ run: "create -f - -o yaml", in: whole, unordered: true }] };
  return {
    name: `${at} ${resource}`,
    steps: [
      `explain ${resource} --recursive`,
      { run: "create -f - --dry-run=server -o yaml", in: whole },
      create,
      create,
      `get ${id}`,
      `get ${id} -o wide --show-labels`,
      `get ${id} -o yaml --show-managed-fields`,
      `describe ${id}`,
      { run: "diff -f -", in: labelled },
      { run: "apply -f -", in: labelled },
      { run: "apply -f -", in: labelled },
      { run: "apply --server-side -f -", in: whole },
      { run: "apply --server-side --force-conflicts -f -", in: whole },
      `label ${id} tier=one`,
      `label ${id} tier=two`,
      `label ${id} tier=three --overwrite`,
      `annotate ${id} note=said`,
      `patch ${id} --type merge -p '{"metadata":{"labels":{"merged":"yes"}}}'`,
      `patch ${id} -p '{"metadata":{"labels":{"merged":null}}}'`,
      `patch ${id} --type json -p '[{"op":"add","path":"/metadata/labels/added","value":"yes"}]'`,
      { run: `edit ${id}`, env: { KUBE_EDITOR: "sed -i s/added:/edited:/" } },
      { run: "replace -f -", in: labelled },
      `get ${id} -o jsonpath='{.metadata.labels}'`,
      `get ${resource} -l from=apply -o name`,
      `delete ${id} --wait=false`,
      `get ${id}`,
    ],
  };
}

function withLabel(object: JSONObject, key: string, value: string): JSONObject {
  const metadata = (object.metadata ?? {}) as JSONObject;
  return { ...object, metadata: { ...metadata, labels: { ...(metadata.labels as JSONObject | undefined), [key]: value } } };
}
