/** Signs ConfigMap kube-public/cluster-info with each bootstrap token, so that who joins with one can trust it. */
import { configmaps, secrets } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { bootstrapTokenType, signed, signingTokens } from "./bootstrap-tokens.ts";

const namespace = "kube-public";
const name = "cluster-info";

export const bootstrapSigner: Controller = {
  name: "bootstrap-signer-controller",
  account: "bootstrap-signer",
  workers: 1,
  offByDefault: true,
  start({ client, clock, informers, enqueue, signal }) {
    const maps = informers.informer(configmaps, { namespace, fieldSelector: `metadata.name=${name}` });
    const tokens = informers.informer(secrets, { namespace: "kube-system", fieldSelector: `type=${bootstrapTokenType}` });
    maps.onChange((_, map) => {
      if (map) enqueue(name);
    });
    tokens.onChange(() => enqueue(name));
    return async () => {
      const map = maps.get(namespace, name);
      const data = map && signed(map.data ?? {}, signingTokens(tokens.list(), clock.now()));
      if (data) await client.resource(configmaps).update({ ...map, data }, { signal });
    };
  },
};
