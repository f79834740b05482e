import assert from "node:assert/strict";
import { test } from "node:test";
import { featureGates, parseFeatureGates } from "./feature-gates.ts";

const gates = (text: string): ((name: string) => boolean) => featureGates(parseFeatureGates(text));
const problem = (text: string): string => {
  try {
    gates(text);
  } catch (error) {
    return (error as Error).message;
  }
  return "";
};

test("features have upstream's states, and those that can be switched the state that is given last", () => {
  const plain = gates("");
  assert.deepEqual([plain("SidecarContainers"), plain("CBORServingAndStorage"), plain("WatchList"), plain("nothing")], [true, false, true, false]);
  assert.equal(gates("CBORServingAndStorage=false,kube:CBORServingAndStorage=t")("CBORServingAndStorage"), true);
  assert.equal(featureGates(parseFeatureGates("CBORServingAndStorage=false", parseFeatureGates("CBORServingAndStorage=true")))("CBORServingAndStorage"), false);
});

test("what upstream refuses is refused in its words", () => {
  assert.equal(problem("Foo=true"), "unrecognized feature gate: Foo");
  assert.equal(problem("constructor=true"), "unrecognized feature gate: constructor");
  assert.equal(problem("CBORServingAndStorage"), "missing bool value for CBORServingAndStorage");
  assert.equal(problem("CBORServingAndStorage=maybe"), 'invalid value of CBORServingAndStorage=maybe, err: strconv.ParseBool: parsing "maybe": invalid syntax');
  assert.equal(problem("foo:Bar=true"), "component not registered: foo");
  assert.equal(problem("SidecarContainers=false"), "cannot set feature gate SidecarContainers to false, feature is locked to true");
});

test("the state that a feature has anyway may be written; another one that is not implemented is refused", () => {
  assert.equal(problem("SidecarContainers=true,WatchList=true,GangScheduling=false,AllAlpha=false"), "");
  assert.match(
    problem("GangScheduling=true"),
    /^GangScheduling cannot be switched on: it is alpha and off by default in Kubernetes v1.36, and k8ts does not implement it$/,
  );
  assert.match(problem("WatchList=false"), /^WatchList cannot be switched off: it is beta and on by default in Kubernetes v1.36, and k8ts always has it on$/);
  assert.match(problem("WatchList=false,GangScheduling=true"), /WatchList .*; GangScheduling /);
  assert.match(problem("AllAlpha=true"), /^AllAlpha=true would switch features that k8ts does not switch: .*GangScheduling/);
  assert.match(problem("AllBeta=false"), /^AllBeta=false would switch features that k8ts does not switch: .*WatchList/);
});

test("a feature that is on by default and not implemented is taken as it is, and says what it lacks where it is to be switched", () => {
  assert.doesNotThrow(() => featureGates(parseFeatureGates("LoggingBetaOptions=true")));
  assert.throws(
    () => featureGates(parseFeatureGates("LoggingBetaOptions=false")),
    /^Error: LoggingBetaOptions cannot be switched off: k8ts does not have what it switches \(flags of logging other than --v are refused\)$/,
  );
});
