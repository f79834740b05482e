/** Who this server is to webhooks: the users of a kubeconfig, chosen by host (k8s.io/apiserver/pkg/util/webhook/authentication.go). */
import { beside, KubeconfigError, loadKubeconfig } from "../../outside/kubeconfig.ts";
import { type Identity, identityOf, unsupportedWay } from "../../outside/kubeconfig-user.ts";

/** By `HOST:PORT`. */
export type CredentialsFor = (target: string) => Identity;

export const anonymous: CredentialsFor = () => ({});

/** Throws for a file that cannot be read, with what it names. */
export function credentialsOf(file: string): CredentialsFor {
  const config = loadKubeconfig(file);
  const at = beside(file);
  const users = new Map<string, Identity>();
  for (const { name, user = {} } of config.users ?? []) {
    const way = unsupportedWay(user);
    if (way) throw new KubeconfigError(`user ${JSON.stringify(name)}: ${way} is not supported for webhooks`);
    users.set(name, identityOf(user, at));
  }
  const context = config.contexts?.find(({ name }) => name === config["current-context"])?.context;
  /** The name itself, then with stars for its first labels. */
  const byName = (target: string): Identity | undefined => {
    const exact = users.get(target);
    if (exact) return exact;
    const steps = target.split(".");
    for (let i = 1; i < steps.length; i++) {
      const found = users.get(`*.${steps.slice(i).join(".")}`);
      if (found) return found;
    }
    return undefined;
  };
  return (target) =>
    byName(target) ?? (target.endsWith(":443") ? byName(target.slice(0, -":443".length)) : undefined) ?? users.get("*") ?? users.get(context?.user ?? "") ?? {};
}
