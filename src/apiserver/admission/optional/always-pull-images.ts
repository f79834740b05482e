/** Nobody runs an image that is on the node without the right to pull it (plugin/pkg/admission/alwayspullimages). */
import { notSupported, type Path, path } from "../../../api/field.ts";
import { StatusError } from "../../../api/status.ts";
import type { Container, Pod, PodSpec } from "../../../api/types/core-v1.gen.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts";
import { concerns, refuse } from "../refuse.ts";

const always = "Always";
type Pulled = Pick<Container, "image" | "imagePullPolicy">;

/** Containers of all kinds, in the order in which upstream visits them. */
function containersOf(spec: PodSpec): { container: Pulled; at: Path }[] {
  return (["initContainers", "containers", "ephemeralContainers"] as const).flatMap((field) =>
    (spec[field] ?? []).map((container, i) => ({ container: container as Pulled, at: path("spec", field).index(i) })),
  );
}

function ignores(attributes: AdmissionAttributes): boolean {
  const { operation } = attributes;
  if (!concerns(attributes, "pods") || (operation !== "CREATE" && operation !== "UPDATE")) return true;
  if (operation === "CREATE") return false;
  const known = new Set(containersOf((attributes.old as Pod).spec).map(({ container }) => container.image));
  return containersOf((attributes.object as Pod).spec).every(({ container }) => known.has(container.image));
}

export const alwaysPullImages: AdmissionPlugin = {
  name: "AlwaysPullImages",
  mutate(attributes) {
    if (ignores(attributes)) return;
    const { spec } = attributes.object as Pod;
    for (const { container } of containersOf(spec)) container.imagePullPolicy = always;
    for (const { image } of spec.volumes ?? []) if (image) image.pullPolicy = always;
  },
  validate(attributes) {
    if (ignores(attributes)) return;
    const { spec } = attributes.object as Pod;
    const wrong = containersOf(spec).flatMap(({ container: { imagePullPolicy: policy }, at }) =>
      policy === always ? [] : [notSupported(at.child("imagePullPolicy"), policy ?? "", [always])],
    );
    for (const [i, { image }] of (spec.volumes ?? []).entries())
      if (image && image.pullPolicy !== always)
        wrong.push(notSupported(path("spec", "volumes").index(i).child("image", "pullPolicy"), image.pullPolicy ?? "", [always]));
    if (!wrong.length) return;
    const messages = wrong.map(({ field, body }) => refuse(attributes, `${field}: ${body}`).message);
    throw new StatusError({ code: 500, message: messages.length === 1 ? (messages[0] as string) : `[${messages.join(", ")}]` });
  },
};
