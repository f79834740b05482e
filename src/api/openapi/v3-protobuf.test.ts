import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeOpenAPI } from "./v3-protobuf.ts";

const document = {
  openapi: "3.0.0",
  info: { title: "T", version: "v1" },
  paths: {
    "/things/": {
      get: {
        tags: ["a", "b"],
        parameters: [{ in: "query", name: "q", required: true, schema: { type: "string", uniqueItems: true } }],
        responses: { "200": { description: "OK", content: { "application/json": { schema: { $ref: "#/components/schemas/Thing" } } } } },
        "x-kubernetes-action": "list",
      },
    },
  },
  components: {
    schemas: {
      Thing: {
        type: "object",
        properties: {
          map: { type: "object", additionalProperties: { type: "string", default: "" }, default: {} },
          list: { type: "array", items: { type: "integer", maximum: 10, default: 0 }, minItems: 0, maxItems: 3 },
          flag: { type: "boolean", default: false, enum: [true] },
        },
      },
    },
  },
};

test("a document is the message that gnostic makes of it, defaults that say nothing included", () => {
  const theirs =
    "CgUzLjAuMBIHCgFUMgJ2MSKiAQqfAQoIL3RoaW5ncy8SkgEijwEKAWEKAWIyHgocCgFxEgVxdWVyeSABUg4KDKABAcoBBnN0cmluZ0JHEkUKAzIwMBI+CjwKAk9LGjYKNAoQYXBwbGljYXRpb24vanNvbhIgCh4SHAoaIy9jb21wb25lbnRzL3NjaGVtYXMvVGhpbmdqHgoTeC1rdWJlcm5ldGVzLWFjdGlvbhIHEgVsaXN0CiquAQqrAQqoAQoFVGhpbmcSngEKmwHKAQZvYmplY3T6AY4BCioKA21hcBIjCiHKAQZvYmplY3SCAhIKEAoOygEGc3RyaW5nigICGgCKAgAKOwoEbGlzdBIzCjGQAQPKAQVhcnJhefIBIwohCh9ZAAAAAAAAJEDKAQdpbnRlZ2VyigIJCQAAAAAAAAAACiMKBGZsYWcSGwoZwgEHEgV0cnVlCsoBB2Jvb2xlYW6KAgIQAA==";
  assert.equal(Buffer.from(encodeOpenAPI(document)).toString("base64"), theirs);
});
