import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type LastZone, readLastZone, trimmed, viewOf } from "./last-zone.ts";
import { Zone } from "./zone.ts";

const zone = {
  services: [
    {
      metadata: { name: "db", namespace: "default", managedFields: [{}] },
      spec: { clusterIP: "None", clusterIPs: ["None"], selector: { a: "b" }, ports: [{ name: "sql", port: 5432, targetPort: 1 }] },
      status: {},
    },
  ],
  slices: [
    {
      metadata: { name: "db-1", namespace: "default", labels: { "kubernetes.io/service-name": "db", other: "x" } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.244.0.5"], hostname: "db-0", conditions: { ready: true }, nodeName: "n" }],
      ports: [{ name: "sql", port: 5432, protocol: "TCP" }],
    },
  ],
  namespaces: ["default"],
} as unknown as LastZone;

test("a zone that was written and read again answers as before", () => {
  const directory = mkdtempSync(join(tmpdir(), "k8ts-zone-"));
  try {
    const path = join(directory, "dns.json");
    writeFileSync(path, JSON.stringify(trimmed(zone)));
    const answers = new Zone("cluster.local", viewOf(readLastZone(path) as LastZone)).resolve("db-0.db.default.svc.cluster.local", "A")?.answers;
    assert.deepEqual(answers, [{ name: "db-0.db.default.svc.cluster.local", type: "A", ttl: 30, data: "10.244.0.5" }]);
    assert.equal(JSON.stringify(trimmed(zone)).includes("managedFields"), false);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
test("a zone that is not there or damaged is none", () => {
  const directory = mkdtempSync(join(tmpdir(), "k8ts-zone-"));
  try {
    assert.equal(readLastZone(join(directory, "dns.json")), undefined);
    writeFileSync(join(directory, "dns.json"), "{half");
    assert.equal(readLastZone(join(directory, "dns.json")), undefined);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
