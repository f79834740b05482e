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
  ['{{ index .m "a b" }}{{ index .m "none" | printf "%v" }}', { m: { "a b": 1 } }, "1<nil>"],
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
  // sprig's, each as sprig 3.3 gives it.
  ['{{ default "d" .none }} {{ "x" | default "d" }} {{ empty .none }} {{ coalesce "" 0 "c" }}', {}, "d x true c"],
  ['{{ ternary "y" "n" true }}{{ .b | ternary "y" "n" }} {{ kindOf .l }} {{ kindIs "map" .m }}', { b: false, l: [1], m: { a: 1 } }, "yn slice true"],
  ["{{ toString 5 }} {{ toJson .m }}", { m: { a: "b" } }, '5 {"a":"b"}'],
  ['{{ quote "a" 1 }} {{ squote "b" }} {{ lower "AB" }}{{ upper "ab" }}{{ trim " x " }}', {}, '"a" "1" \'b\' abABx'],
  ['{{ trimPrefix "a" "ab" }} {{ trimSuffix "b" "ab" }} {{ hasPrefix "a" "ab" }} {{ hasSuffix "a" "ab" }} {{ contains "b" "ab" }}', {}, "b a true false true"],
  ['{{ replace "a" "$&" "aba" }} {{ trunc 2 "abc" }} {{ trunc -2 "abc" }} {{ repeat 2 "ab" }}', {}, "$&b$& ab bc abab"],
  ['{{ indent 2 "a\\nb" }}|{{ nindent 1 "a" }}|{{ b64enc "a" }} {{ b64dec "YQ==" }}', {}, "  a\n  b|\n a|YQ== a"],
  ['{{ join "-" .l }} {{ splitList "," "a,b" | last }} {{ first .l }}', { l: ["x", "y"] }, "x-y b x"],
  ['{{ regexMatch "^a+$" "aa" }} {{ regexFind "[0-9]+" "a12b3" }} {{ regexReplaceAll "a(x*)b" "-ab-axxb-" "<$1>" }}', {}, "true 12 -<>-<xx>-"],
  [
    '{{ int "7" }} {{ atoi "8" }} {{ add 1 2 3 }} {{ add1 1 }} {{ sub 5 2 }} {{ mul 2 3 }} {{ div 7 2 }} {{ mod 7 4 }} {{ max 1 3 2 }} {{ min 4 2 }}',
    {},
    "7 8 6 2 3 6 3 3 3 2",
  ],
  ["{{ range until 3 }}{{ . }}{{ end }} {{ append (list 1) 2 }} {{ prepend (list 1) 2 }} {{ concat (list 1) (list 2 3) }}", {}, "012 [1 2] [2 1] [1 2 3]"],
  [
    '{{ has "a" (list "a") }} {{ without (list 1 2 3) 2 }} {{ uniq (list 1 1 2) }} {{ compact (list "" "a") }} {{ reverse (list 1 2) }} {{ sortAlpha (list "b" "a") }}',
    {},
    "true [1 3] [1 2] [a] [2 1] [a b]",
  ],
  [
    '{{ $d := dict "a" 1 "b" (dict "c" 2) }}{{ get $d "a" }} {{ hasKey $d "x" }} {{ keys $d | sortAlpha }} {{ omit $d "a" }} {{ pick $d "a" }}',
    {},
    "1 false [a b] map[b:map[c:2]] map[a:1]",
  ],
  ['{{ merge (dict "a" 1 "m" (dict "x" 1)) (dict "a" 2 "b" 3 "m" (dict "y" 2)) }}', {}, "map[a:1 b:3 m:map[x:1 y:2]]"],
];

for (const [template, data, text] of cases) test(`${template} gives ${JSON.stringify(text)}`, () => assert.equal(render(template, data), text));

const mistakes: [template: string, line: number, message: RegExp][] = [
  ["a\n{{ if .x }}b", 2, /if }} is not closed: {{ end }} is missing/],
  ["{{ end }}", 1, /without a beginning/],
  ["\n\n{{ .a | nosuch }}", 3, /the function "nosuch" is not known; these are: .*printf/],
  ["{{ .a | uper }}", 1, /the function "uper" is not known; did you mean "upper"\?/],
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

for (const [template, message] of [
  ['{{ fail "no such node" }}', /no such node/],
  ["{{ div 1 0 }}", /division by zero/],
  ['{{ regexMatch "(" "a" }}', /Invalid regular expression/],
  ["{{ join 1 2 }}", /2 is no list/],
] as const)
  test(`${template} says what is wrong`, () => assert.throws(() => render(template), message));

test("what a function refuses carries the line of its action", () => {
  assert.throws(
    () => render("\n{{ index .l 3 }}", { l: [1] }),
    (error: TemplateError) => error.line === 2 && /index out of range: 3/.test(error.message),
  );
});
