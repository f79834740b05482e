/** Deletes bootstrap tokens when their time is over (pkg/controller/bootstrap/tokencleaner.go). */
import { keyOf, splitKey } from "../../api/object.ts";
import { isNotFound } from "../../api/status.ts";
import { secrets } from "../../client/resources.gen.ts";
import type { Controller } from "../runtime/controller.ts";
import { bootstrapTokenType, lifeLeft } from "./bootstrap-tokens.ts";

export const tokenCleaner: Controller = {
  name: "token-cleaner-controller",
  account: "token-cleaner",
  workers: 1,
  offByDefault: true,
  start({ client, clock, informers, enqueue, signal }) {
    const tokens = informers.informer(secrets, { namespace: "kube-system", fieldSelector: `type=${bootstrapTokenType}` });
    tokens.onChange((_, secret) => {
      if (secret) enqueue(keyOf(secret));
    });
    return async (key) => {
      const { namespace, name } = splitKey(key);
      const secret = tokens.get(namespace, name);
      const left = secret && lifeLeft(secret, clock.now());
      if (!secret || left === undefined) return;
      if (left > 0) return { requeueAfter: left };
      try {
        await client.resource(secrets).delete(namespace, name, { preconditions: { uid: secret.metadata.uid }, signal });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    };
  },
};
