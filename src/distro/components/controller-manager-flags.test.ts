import assert from "node:assert/strict";
import { test } from "node:test";
import { component as controllerManager } from "./controller-manager.ts";
import { parseFlags } from "./flags.ts";
import { signing, type SigningFlags, signingFlags } from "./signing-flags.ts";
import { component as scheduler } from "./scheduler.ts";

const conf = "/etc/kubernetes/controller-manager.conf";
const pki = "/etc/kubernetes/pki";

test("the flags with which kubeadm starts the controller manager are taken as they are", () => {
  const flags = parseFlags(controllerManager, [
    "--allocate-node-cidrs=true",
    `--authentication-kubeconfig=${conf}`,
    `--authorization-kubeconfig=${conf}`,
    "--bind-address=127.0.0.1",
    `--client-ca-file=${pki}/ca.crt`,
    "--cluster-cidr=10.244.0.0/16",
    "--cluster-name=kubernetes",
    `--cluster-signing-cert-file=${pki}/ca.crt`,
    `--cluster-signing-key-file=${pki}/ca.key`,
    "--controllers=*,bootstrapsigner,tokencleaner",
    `--kubeconfig=${conf}`,
    "--leader-elect=true",
    `--requestheader-client-ca-file=${pki}/front-proxy-ca.crt`,
    `--root-ca-file=${pki}/ca.crt`,
    `--service-account-private-key-file=${pki}/sa.key`,
    "--service-cluster-ip-range=10.96.0.0/12",
    "--use-service-account-credentials=true",
  ]);
  assert.deepEqual(flags["cluster-cidr"], ["10.244.0.0/16"]);
  assert.deepEqual(flags.controllers, ["*", "bootstrapsigner", "tokencleaner"]);
});

test("and those of the scheduler", () => {
  const own = "/etc/kubernetes/scheduler.conf";
  const flags = [
    `--authentication-kubeconfig=${own}`,
    `--authorization-kubeconfig=${own}`,
    "--bind-address=127.0.0.1",
    `--kubeconfig=${own}`,
    "--leader-elect=true",
  ];
  assert.equal(parseFlags(scheduler, flags).kubeconfig, own);
});

test("defaults are upstream's", () => {
  const flags = parseFlags(controllerManager, []);
  assert.equal(flags["concurrent-gc-syncs"], 20);
  assert.equal(flags["concurrent-resourceclaim-syncs"], 50);
  assert.equal(flags["secondary-node-eviction-rate"], 0.01);
  assert.equal(flags["horizontal-pod-autoscaler-downscale-stabilization"], 300_000);
  assert.equal(flags["legacy-service-account-token-clean-up-period"], 365 * 24 * 3600 * 1000);
});

test("one authority signs for all signers, or each has its own", () => {
  const none = Object.fromEntries(Object.keys(signingFlags).map((name) => [name, ""])) as unknown as SigningFlags;
  assert.deepEqual(signing(none), {});
  assert.throws(() => signing({ ...none, "cluster-signing-kubelet-client-key-file": "k" }), /one is of no use without the other/);
});
