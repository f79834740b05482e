import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutEmptyChains, withoutHostPorts } from "./host-ports.ts";

const door = (chain: string, network: string): string =>
  `-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"${network}\\" id: \\"c1\\"" -m multiport --dports 80 -j ${chain}`;
const saved = (...doors: string[]): string =>
  [
    "*nat",
    ":PREROUTING ACCEPT [0:0]",
    ":POSTROUTING ACCEPT [0:0]",
    ":CNI-HOSTPORT-DNAT - [0:0]",
    ":CNI-HOSTPORT-SETMARK - [0:0]",
    ":CNI-HOSTPORT-MASQ - [0:0]",
    "-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT",
    '-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
    ...doors,
    "-A CNI-DN-a -p tcp -m tcp --dport 80 -j CNI-HOSTPORT-SETMARK",
    "-A CNI-HOSTPORT-SETMARK -j MARK --set-xmark 0x2000/0x2000",
    "COMMIT",
  ].join("\n");

test("with the network's last host port the plugin's chains go, and the jumps into them", () => {
  assert.equal(
    withoutHostPorts(saved(door("CNI-DN-a", "k8ts0")), "k8ts0", []),
    `*nat
:CNI-DN-a - [0:0]
:CNI-HOSTPORT-DNAT - [0:0]
:CNI-HOSTPORT-SETMARK - [0:0]
:CNI-HOSTPORT-MASQ - [0:0]
-D PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-D POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
-X CNI-DN-a
-X CNI-HOSTPORT-DNAT
-X CNI-HOSTPORT-SETMARK
-X CNI-HOSTPORT-MASQ
COMMIT
`,
  );
});

test("host ports of another network stay, with the common chains", () => {
  const script = withoutHostPorts(saved(door("CNI-DN-a", "k8ts0"), door("CNI-DN-b", "podman")), "k8ts0", []);
  assert.equal(script, `*nat\n:CNI-DN-a - [0:0]\n${door("CNI-DN-a", "k8ts0").replace("-A", "-D")}\n-X CNI-DN-a\nCOMMIT\n`);
  assert.equal(withoutHostPorts(saved(door("CNI-DN-b", "podman")), "k8ts0", []), "");
});

test("chains that were there before stay, even empty", () => {
  assert.equal(withoutHostPorts(saved(), "k8ts0", ["CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-SETMARK", "CNI-HOSTPORT-MASQ"]), "");
  assert.equal(withoutHostPorts("", "k8ts0", []), "");
});

test("of the table only base chains go that are new, empty and let everything pass", () => {
  const chain = (name: string, policy = "accept"): object => ({ chain: { name, hook: name.toLowerCase(), policy } });
  const table = [
    { table: { name: "nat" } },
    chain("PREROUTING"),
    chain("OUTPUT", "drop"),
    chain("POSTROUTING"),
    chain("INPUT"),
    { rule: { chain: "POSTROUTING" } },
  ];
  assert.equal(withoutEmptyChains(table, ["INPUT"]), "delete chain ip nat PREROUTING\n");
  assert.equal(withoutEmptyChains([chain("PREROUTING"), chain("POSTROUTING")], []), "delete table ip nat\n");
  assert.equal(withoutEmptyChains([chain("PREROUTING")], ["PREROUTING"]), "");
  assert.equal(withoutEmptyChains([], []), "");
});
