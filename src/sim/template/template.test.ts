import assert from "node:assert/strict";
import { test } from "node:test";
import type { TemplateEnvironment } from "./functions.ts";
import { TemplateError } from "./lexer.ts";
import { compileTemplate } from "./template.ts";

const env: TemplateEnvironment = {
  now: () => "2026-01-01T00:00:00Z",
  startTime: "2025-12-31T00:00:00Z",
  version: "v1",
  nodeName: () => "own",
  nodeIPs: (name = "own") => [`ip-of-${name}`],
  nodePort: () => 0,
  podIPs: (...values) => [values.join("/")],
};
const render = (source: string, data: unknown = {}): string => compileTemplate(source).render(data, env);

// What Go's text/template gives for the same text and data.
const cases: [template: string, data: unknown, text: string][] = [
  ["a{{/* comment }} */}}b", {}, "ab"],
  ["a {{- 1 -}} b", {}, "a1b"],
  ["{{ .a.b }}|{{ .x }}", { a: { b: 1.5 } }, "1.5|<no value>"],
  ["{{ if .a }}y{{ else }}n{{ end }}", { a: [] }, "n"],
  ["{{ if eq .a 1 }}one{{ else if eq .a 2 3 }}more{{ else }}none{{ end }}", { a: 3 }, "more"],
  ["{{ with .a }}{{ .b }}{{ else }}none{{ end }}{{ with .x }}x{{ else }}none{{ end }}", { a: { b: "c" } }, "cnone"],
  ["{{ range $i, $v := .l }}{{ $i }}={{ $v }};{{ else }}empty{{ end }}", { l: ["a", "b"] }, "0=a;1=b;"],
  ["{{ range .l }}{{ . }}{{ else }}empty{{ end }}", { l: [] }, "empty"],
  ["{{ range $k, $v := .m }}{{ $k }}{{ $v }}{{ end }}", { m: { b: 2, a: 1 } }, "a1b2"],
  ["{{ range .l }}{{ if eq . 2 }}{{ continue }}{{ end }}{{ if eq . 4 }}{{ break }}{{ end }}{{ . }}{{ end }}", { l: [1, 2, 3, 4, 5] }, "13"],
  ["{{ $x := 1 }}{{ range .l }}{{ $x = . }}{{ end }}{{ $x }}", { l: [7, 8] }, "8"],
  ["{{ $x := 1 }}{{ if true }}{{ $x := 2 }}{{ $x }}{{ end }}{{ $x }}", {}, "21"],
  ["{{ range .l }}{{ $.n }}{{ . }}{{ end }}", { n: "n", l: [1, 2] }, "n1n2"],
  ["{{ (index .l 1).name }}", { l: [{ name: "a" }, { name: "b" }] }, "b"],
  ['{{ index .m "a b" }}{{ index .m "none" | printf "%v" }}', { m: { "a b": 1 } }, "1<no value>"],
  ['{{ or .none "" "d" }}{{ and 1 0 2 }}{{ not .none }}', {}, "d0true"],
  ['{{ printf "%s-%d %q" "a" 3 "b" }} {{ "x" | printf "%s%s" "y" }}', {}, 'a-3 "b" yx'],
  ["{{ .s | Quote }} {{ .n | Quote }} {{ Quote nil }}", { s: 'a"b', n: 5 }, '"a\\"b" "5" "null"'],
  ["x{{ YAML .m 1 }}", { m: { a: [1] } }, "x\n  a:\n  - 1\n  "],
  ["{{ len .l }}{{ lt 1 2 }}{{ ge 1 2 }}{{ ne 1 2 }}", { l: [1, 2] }, "2truefalsetrue"],
  ["{{ NodeIP }} {{ NodeIPWith .n }} {{ with NodePort }}port{{ end }}{{ NodeName }}", { n: "other" }, "ip-of-own ip-of-other own"],
  ['{{ PodIPWith .n ( or .h false ) ( or .u "" ) "name" "ns" }}', { n: "n" }, "n/false//name/ns"],
  ['{{ `raw "` }}{{ "}}" }}', {}, 'raw "}}'],
  ["{{ .l }} {{ .m }}", { l: [1, "a"], m: { b: 1, a: true } }, "[1 a] map[a:true b:1]"],
  ['{{ or .a.b.c "deep" }}', {}, "deep"],
];

for (const [template, data, text] of cases) test(`${template} gives ${JSON.stringify(text)}`, () => assert.equal(render(template, data), text));

const mistakes: [template: string, line: number, message: RegExp][] = [
  ["a\n{{ if .x }}b", 2, /if }} is not closed: {{ end }} is missing/],
  ["{{ end }}", 1, /without a beginning/],
  ["\n\n{{ .a | nosuch }}", 3, /the function "nosuch" is not known; these are: .*printf/],
  ["{{ $x }}", 1, /\$x is not declared/],
  ["{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}", 1, /\$x is not declared/],
  ['{{ template "a" }}', 1, /template }} is not supported/],
  ["{{ .a", 1, /is not closed/],
  ["{{ .a .b }}", 1, /only functions take values/],
  ["{{ break }}", 1, /outside {{ range }}/],
  ["{{ (.a }}", 1, /"\)" is missing/],
  ["{{ }}", 1, /empty action/],
  ["{{ .a ; }}", 1, /unexpected ";"/],
];
for (const [template, line, message] of mistakes)
  test(`${JSON.stringify(template)} is refused in line ${line}`, () => {
    assert.throws(
      () => compileTemplate(template),
      (error: TemplateError) => error instanceof TemplateError && error.line === line && message.test(error.message),
    );
  });

test("what a function refuses carries the line of its action", () => {
  assert.throws(
    () => render("\n{{ index .l 3 }}", { l: [1] }),
    (error: TemplateError) => error.line === 2 && /index out of range: 3/.test(error.message),
  );
});
