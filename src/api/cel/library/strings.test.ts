import assert from "node:assert/strict";
import { test } from "node:test";
import { fromJSON } from "../json.ts";
import { kubernetesEnvironment } from "../kubernetes.ts";
import { types } from "../types.ts";
import { CelError } from "../values.ts";

const environment = kubernetesEnvironment.extend({ variables: { text: types.string } });
const evaluated = (source: string, text = ""): unknown =>
  environment.plan(environment.check(source)).evaluate((name) => (name === "text" ? fromJSON(text) : undefined)).value;

test("texts are replaced between characters and so often as is said", () => {
  assert.equal(evaluated("'aéb😀'.replace('', '-')"), "-a-é-b-😀-");
  assert.equal(evaluated("'aéb'.replace('', '-', 2)"), "-a-éb");
  assert.equal(evaluated("'ab'.replace('', '-', 0)"), "ab");
  assert.equal(evaluated("'ab'.replace('', '-', 9)"), "-a-b-");
  assert.equal(evaluated("''.replace('', '-')"), "-");
  assert.equal(evaluated("'abab'.replace('a', '$&', 1)"), "$&bab");
  assert.equal(evaluated("'abab'.replace('a', '$&')"), "$&b$&b");
  const long = "😀a".repeat(100_000);
  assert.equal(evaluated("text.replace('', '-')", long), `-${[...long].join("-")}-`);
  assert.equal(
    evaluated("text.replace('', '-', 70000)", long),
    [...long].reduce((out, one, i) => out + (i < 70_000 ? `-${one}` : one), ""),
  );
});

test("no call makes a text of more than eight million characters, and no message quotes one", () => {
  const text = "x".repeat(3000);
  for (const source of [
    "text.replace('', text).replace('', text)",
    "text.replace('x', text, 2999).replace('x', text)",
    "[text.replace('', text), text].join(text.replace('', text))",
    "'%s%s'.format([text.replace('x', text), text.replace('x', text)])",
  ])
    assert.match((evaluated(source, text) as CelError).message, /: a text of more than 8388608 characters$/, source);
  const refused = evaluated("cidr(text.replace('', text.substring(2800)))", text);
  assert.ok(refused instanceof CelError && refused.message.length < 400_000);
});
