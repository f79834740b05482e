/** A pod that names its node runs there only. */
import { action } from "../framework/events.ts";
import { type Plugin, rejection } from "../framework/plugin.ts";

const name = "NodeName";
const refused = rejection(name, false, "node(s) didn't match the requested node name");

export const nodeName: Plugin = {
  name,
  isStatic: true,
  wakes: [{ source: "Node", actions: action.add }],
  filter({ pod }) {
    const wanted = pod.pod.spec.nodeName;
    if (!wanted) return {};
    return { check: (snapshot, row) => (snapshot.rows[row]?.name === wanted ? undefined : refused) };
  },
};
