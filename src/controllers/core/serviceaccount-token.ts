/** Fills Secrets of type kubernetes.io/service-account-token, and takes them away with their account (tokens_controller.go). */
import { keyOf } from "../../api/object.ts";
import { isNotFound } from "../../api/status.ts";
import type { Secret, ServiceAccount } from "../../api/types/core-v1.gen.ts";
import { secrets, serviceaccounts } from "../../client/resources.gen.ts";
import type { Controller, ControllerContext } from "../runtime/controller.ts";

const type = "kubernetes.io/service-account-token";
const nameKey = "kubernetes.io/service-account.name";
const uidKey = "kubernetes.io/service-account.uid";
const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** Claims of a token that lives as long as its Secret (pkg/serviceaccount/legacy.go). */
export function legacyClaims(account: ServiceAccount, secret: Secret): object {
  const { namespace, name, uid } = account.metadata;
  return {
    iss: "kubernetes/serviceaccount",
    "kubernetes.io/serviceaccount/namespace": namespace,
    "kubernetes.io/serviceaccount/secret.name": secret.metadata.name,
    "kubernetes.io/serviceaccount/service-account.name": name,
    "kubernetes.io/serviceaccount/service-account.uid": uid,
    sub: `system:serviceaccount:${namespace}:${name}`,
  };
}

export const serviceAccountToken: Controller = {
  name: "serviceaccount-token-controller",
  // No account of its own may write tokens: upstream's acts as kube-controller-manager itself.
  account: "shared-informers",
  component: "tokens-controller",
  start(context) {
    const { client, informers, enqueue, options, signal } = context;
    const accounts = informers.informer(serviceaccounts);
    const tokens = informers.informer(secrets, { fieldSelector: `type=${type}` });
    accounts.onChange((old, account) => {
      const changed = account ?? old;
      if (!changed || (old && account)) return;
      for (const secret of tokens.list(changed.metadata.namespace))
        if (secret.metadata.annotations?.[nameKey] === changed.metadata.name) enqueue(keyOf(secret));
    });
    tokens.onChange((old, secret) => {
      if (secret) enqueue(keyOf(secret));
      const owner = old?.metadata.annotations?.[nameKey];
      if (!secret && old && owner) enqueue(`${keyOf(old)}/${owner}`);
    });
    const { signServiceAccountToken: sign, rootCA } = options;
    const api = client.resource(secrets);
    return async (key) => {
      const [namespace = "", name = "", goneFrom] = key.split("/");
      if (goneFrom !== undefined) return forget(context, namespace, name, goneFrom);
      const secret = tokens.get(namespace, name);
      const owner = secret?.metadata.annotations?.[nameKey];
      if (!secret || !owner || !sign) return;
      const account = await ownerOf(context, accounts.get(namespace, owner), secret, owner);
      if (!account) {
        await api.delete(namespace, name, { preconditions: { uid: secret.metadata.uid }, signal }).catch((error: unknown) => {
          if (!isNotFound(error)) throw error;
        });
        return;
      }
      const data = secret.data ?? {};
      const wrongCA = rootCA !== undefined && data["ca.crt"] !== base64(rootCA);
      if (!wrongCA && data.namespace && data.token) return;
      const filled = {
        ...data,
        ...(wrongCA ? { "ca.crt": base64(rootCA) } : {}),
        namespace: data.namespace || base64(namespace),
        token: data.token || base64(sign(legacyClaims(account, secret))),
      };
      const annotations = { ...secret.metadata.annotations, [nameKey]: owner, [uidKey]: account.metadata.uid };
      await api.update({ ...secret, metadata: { ...secret.metadata, annotations }, data: filled }, { signal });
    };
  },
};

/** The account that the secret is for, past the cache when that does not know it. */
async function ownerOf(
  { client, signal }: ControllerContext,
  seen: ServiceAccount | undefined,
  secret: Secret,
  name: string,
): Promise<ServiceAccount | undefined> {
  const { namespace = "", annotations } = secret.metadata;
  const suits = (account: ServiceAccount): boolean => !annotations?.[uidKey] || annotations[uidKey] === account.metadata.uid;
  if (seen && suits(seen)) return seen;
  try {
    const fresh = await client.resource(serviceaccounts).get(namespace, name, { signal });
    return suits(fresh) ? fresh : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** An account does not go on naming a Secret that is gone. */
async function forget({ client, signal }: ControllerContext, namespace: string, secret: string, account: string): Promise<void> {
  const api = client.resource(serviceaccounts);
  try {
    const owner = await api.get(namespace, account, { signal });
    if (!owner.secrets?.some(({ name }) => name === secret)) return;
    await api.update({ ...owner, secrets: owner.secrets.filter(({ name }) => name !== secret) }, { signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
