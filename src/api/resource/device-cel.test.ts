import assert from "node:assert/strict";
import { test } from "node:test";
import type { Device } from "../types/resource-v1.gen.ts";
import { compileDeviceSelector, deviceValue, selects } from "./device-cel.ts";

const driver = "dra.example.com";
const own = `device.attributes["${driver}"]`;
const size = `device.capacity["${driver}"]`;
type Facts = Omit<Device, "name">;
const attribute = (name: string, value: NonNullable<Device["attributes"]>[string]): Facts => ({ attributes: { [name]: value } });
const capacity = (name: string, value: string): Facts => ({ capacity: { [name]: { value } } });

/** Expression, largest cost, device, what comes of it: expressions and numbers of upstream's tests (cel/compile_test.go). */
const cases: readonly [expression: string, cost: number, facts: Facts, result: boolean | string][] = [
  ["true", 0, {}, true],
  ["false", 0, {}, false],
  [`device.attributes["no-such-domain"].noSuchAttr.isGreaterThan(quantity("0"))`, 6, {}, "no such key: noSuchAttr"],
  [`"no-such-domain" in device.attributes`, 3, {}, false],
  [`"${driver}" in device.attributes`, 3, attribute(`${driver}/something`, { bool: true }), true],
  [`device.driver == "${driver}"`, 4, {}, true],
  [`${own}.name`, 4, attribute("name", { bool: true }), true],
  [`${own}["name"]`, 4, attribute("name", { bool: true }), true],
  [`cel.bind(dra, ${own}, dra.name)`, 15, attribute("name", { bool: true }), true],
  [`device.attributes["other.example.com"].name`, 4, attribute("other.example.com/name", { bool: true }), true],
  [`${own}.name > 0`, 5, attribute("name", { int: 1 }), true],
  [`${own}.name == "fish"`, 5, attribute("name", { string: "fish" }), true],
  [`${own}.names`, 4, attribute("names", { strings: ["fish"] }), "attribute names: unsupported attribute value"],
  [`${own}.name.isGreaterThan(semver("0.0.1"))`, 6, attribute("name", { version: "1.0.0" }), true],
  [`${own}.name.isGreaterThan(semver("v0.0.1", true)) && isSemver("v1.0.0", true)`, 7, attribute("name", { version: "1.0.0" }), true],
  [`${size}.name.isGreaterThan(quantity("1Ki"))`, 6, capacity("name", "1Mi"), true],
  [`"name" in ${size} && ${size}.name.isGreaterThan(quantity("1Ki"))`, 10, capacity("name", "1Mi"), true],
  [`!("name" in ${size}) || ${size}.name.isGreaterThan(quantity("1Ki"))`, 11, {}, true],
  [`${own}.a && ${own}.b && ${own}.c`, 12, { attributes: { a: { bool: true }, b: { bool: true }, c: { bool: true } } }, true],
  [`device.attributes.exists_one(x, x == "${driver}")`, 164, attribute("services", { string: "x" }), true],
  [`${own}.exists_one(x, x == "services")`, 133, attribute("services", { string: "x" }), true],
  [`${own}.services.split("example").size() >= 2`, 19, attribute("services", { string: "some_example_value" }), true],
  [`${own}.services.matches("[^a]?sym")`, 18, attribute("services", { string: "asymetric" }), true],
  [`device.capacity.exists_one(x, x == "${driver}")`, 164, capacity("memory", "1Mi"), true],
  [`${size}.exists_one(x, x == "memory")`, 133, capacity("memory", "1Mi"), true],
  ["device.allowMultipleAllocations == true", 3, { allowMultipleAllocations: true }, true],
  ["device.allowMultipleAllocations == false", 3, {}, true],
  [`${own}.name`, 4, attribute("name", { int: 3 }), "CEL result of type int could not be converted to bool: type conversion error from 'int' to 'bool'"],
];

test("selectors of devices give what upstream's give, at the same cost", () => {
  for (const [expression, cost, facts, result] of cases) {
    const compiled = compileDeviceSelector(expression);
    assert.ok("program" in compiled, expression);
    assert.equal(compiled.maxCost, cost, expression);
    const run = (): boolean => selects(compiled, deviceValue({ name: "d", ...facts }, driver));
    if (typeof result === "string") assert.throws(run, { message: result });
    else assert.equal(run(), result, expression);
  }
});

test("what is no selector is told", () => {
  const mistake = compileDeviceSelector("1");
  assert.deepEqual(mistake, { kind: "invalid", detail: "must evaluate to bool or the unknown type, not int" });
  const syntax = compileDeviceSelector("?!");
  assert.ok("detail" in syntax && syntax.detail.includes("Syntax error"));
});

test("a selector that takes too long is stopped", () => {
  const list = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]";
  const nested = ["x", "y", "z", "z2", "z3", "z4", "z5"].reduceRight((inner, name) => `${list}.all(${name}, ${inner})`, "int('1'.find('[0-9]*')) < 100");
  const compiled = compileDeviceSelector(nested);
  assert.ok("program" in compiled);
  assert.equal(compiled.maxCost, 85_555_551);
  assert.throws(() => selects(compiled, deviceValue({ name: "d" }, driver)), { message: /actual cost limit exceeded/ });
});
