import { equal, deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { descriptionOf, linesOfEnum, readGoPackage } from "./go-source.ts";

const source = `package v1

import (
	v1 "k8s.io/api/core/v1"
)

// Mode says how.
//
// +enum
type Mode string

const (
	// ModeFast is used
	// by the hasty.
	ModeFast Mode = "Fast"
	ModeSlow = Mode("Slow")
	// Elsewhere.
	ModeOther = Mode(v1.Other)
)

// Thing is a thing:
//   - first
//   - second
//
// TODO: more
type Thing struct {
	metav1.TypeMeta \`json:",inline"\`

	// not about the next

	// Spec is wanted.
	// +optional
	Spec *Mode \`json:"spec,omitempty" protobuf:"bytes,1,opt,name=spec"\`
	Hidden string \`json:"-"\`
}
`;
const read = readGoPackage([source], (imports, name) => (imports.get("v1") === "k8s.io/api/core/v1" && name === "v1.Other" ? "Other" : undefined));

test("a type has the comment right above it, its members theirs, and what is embedded is named", () => {
  const thing = read.types.get("Thing");
  equal(descriptionOf(thing?.comment ?? []), "Thing is a thing:\n  - first\n  - second");
  deepEqual([...(thing?.fields ?? [])], [["spec", { comment: ["Spec is wanted.", "+optional"], type: "*Mode" }]]);
  deepEqual(thing?.embedded, ["metav1.TypeMeta"]);
});

test("an enumeration's values come in order, without the names of their constants, those of other packages among them", () => {
  const mode = read.types.get("Mode");
  equal(
    descriptionOf([...(mode?.comment ?? []), ...linesOfEnum(mode ?? { comment: [], fields: new Map(), embedded: [] })]),
    'Mode says how.\n\n\nPossible enum values:\n - `"Fast"` is used by the hasty.\n - `"Other"` Elsewhere.\n - `"Slow"`',
  );
});
