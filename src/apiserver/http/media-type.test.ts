import assert from "node:assert/strict";
import { test } from "node:test";
import { mediaTypeOf } from "./media-type.ts";

test("types of media are read as Go reads them", () => {
  const read: [string, string | undefined][] = [
    ["application/json", "application/json"],
    [" Application/JSON ", "application/json"],
    ["application/json;charset=utf-8", "application/json"],
    ['application/json ; charset="a \\"b\\"; c" ;', "application/json"],
    ["application/json;", "application/json"],
    ["application/json;a=b;A=b", "application/json"],
    ["application/json;a=b;a=c", undefined],
    ["application/json; x", undefined],
    ["application/json, text/plain", undefined],
    ["application/json x", undefined],
    ["application/", undefined],
    ["", undefined],
    [";a=b", undefined],
    ["json", "json"],
    ["*/*", "*/*"],
  ];
  for (const [header, type] of read) assert.equal(mediaTypeOf(header), type, header);
});
