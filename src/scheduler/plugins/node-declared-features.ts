/** A pod runs where the node declares what it needs (KEP-5328). */
import { deepEqual } from "../../api/copy.ts";
import { requiredToRun, undeclared } from "../../api/core/declared-features.ts";
import type { Node, Pod } from "../../api/types/core-v1.gen.ts";
import { action } from "../framework/events.ts";
import { type Plugin, rejection } from "../framework/plugin.ts";

const name = "NodeDeclaredFeatures";
const refused = rejection(name, false, "node(s) didn't match Pod's required features");

export const nodeDeclaredFeatures: Plugin = {
  name,
  isStatic: true,
  wakes: [
    {
      source: "Node",
      actions: action.add | action.updateNodeDeclaredFeature,
      hint: (_, { old, object }) => !old || !deepEqual((old as Node).status?.declaredFeatures ?? [], (object as Node).status?.declaredFeatures ?? []),
    },
    {
      source: "TargetPod",
      actions: action.updateOther,
      hint: (_, { old, object }) => !old || !deepEqual(requiredToRun((old as Pod).spec), requiredToRun((object as Pod).spec)),
    },
  ],
  filter({ pod }) {
    const required = requiredToRun(pod.pod.spec);
    if (!required.length) return {};
    return { check: (snapshot, row) => (undeclared(required, snapshot.rows[row]?.node?.status?.declaredFeatures).length ? refused : undefined) };
  },
};
