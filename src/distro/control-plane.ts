/**
 * The control plane in this process: API server, controllers, scheduler, each reaching the API server through the
 * in-process transport with an identity of its own.
 */
import type { ApiHandler, UserInfo } from "../api/exchange.ts";
import { type AssembledServer, type AssembleOptions, assembleApiServer } from "../apiserver/assemble.ts";
import { parseSigningKey, signToken } from "../apiserver/authentication/service-account-keys.ts";
import type { Client } from "../client/client.ts";
import { createInformerFactory, withoutManagedFields } from "../client/factory.ts";
import { createInProcessTransport } from "../client/in-process-transport.ts";
import { createClient } from "../client/rest.ts";
import { startControllers } from "../controllers/all.ts";
import { ControllerMetrics } from "../controllers/runtime/metrics.ts";
import type { ControllerOptions } from "../controllers/runtime/options.ts";
import { createScheduler } from "../scheduler/scheduler.ts";

export interface ControlPlaneOptions extends AssembleOptions {
  serviceAccountKey: string;
  controllers?: ControllerOptions;
  /** Around every request of the components in this process. */
  around?(handler: ApiHandler): ApiHandler;
  /** Of this machine; part of who reports events. */
  hostname?: string;
}

export interface ControlPlane extends AsyncDisposable {
  readonly api: AssembledServer;
  /** A client with the given identity; every request is authorized as that user's. */
  clientAs(user: UserInfo, userAgent: string): Client;
}

export const administrator: UserInfo = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };
const serviceAccount = (name: string): UserInfo => ({
  name: `system:serviceaccount:kube-system:${name}`,
  groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"],
});
const user = (name: string): UserInfo => ({ name, groups: ["system:authenticated"] });

/** Resolves when the API server answers; controllers and scheduler fill their caches from then on. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { clock, random, logger } = options;
  /** What keeps them from being well; both are asked without the wire. */
  const ails: Record<"controller-manager" | "scheduler", string | undefined> = {
    "controller-manager": "controllers have not begun: their caches are being filled",
    scheduler: "the scheduler has not begun",
  };
  const components = new Map(
    (["controller-manager", "scheduler"] as const).map((name) => [name, async () => ({ healthy: ails[name] === undefined, message: ails[name] ?? "ok" })]),
  );
  const api = await assembleApiServer({ ...options, components });
  const handler = options.around?.(api.server.handler) ?? api.server.handler;
  const clientAs = (who: UserInfo, userAgent: string): Client => createClient(createInProcessTransport({ handler, user: who }), { userAgent });
  const tokenKey = parseSigningKey(options.serviceAccountKey);
  const controllers = startControllers({
    clientFor: (name) =>
      name === "shared-informers"
        ? clientAs(user("system:kube-controller-manager"), "kube-controller-manager")
        : clientAs(serviceAccount(name), `kube-controller-manager/${name}`),
    clock,
    random,
    // One process has one exposition.
    metrics: new ControllerMetrics(api.metrics, clock),
    logger: logger.child("controllers"),
    options: {
      ...(options.clientCa ? { rootCA: options.clientCa } : {}),
      signServiceAccountToken: (claims) => signToken(claims, tokenKey),
      ...options.controllers,
    },
  });
  controllers.started.then(
    () => {
      ails["controller-manager"] = undefined;
    },
    // They were stopped before they began.
    () => {},
  );
  const stop = new AbortController();
  const schedulerClient = clientAs(user("system:kube-scheduler"), "kube-scheduler");
  const schedulerLogger = logger.child("scheduler");
  const informers = createInformerFactory({ client: schedulerClient, clock, random, logger: schedulerLogger, project: withoutManagedFields });
  const scheduler = createScheduler({
    client: schedulerClient,
    informers,
    clock,
    random,
    logger: schedulerLogger,
    ...(options.hostname ? { hostname: options.hostname } : {}),
  });
  api.metrics.include(scheduler.metrics);
  informers.start(stop.signal);
  ails.scheduler = undefined;
  const scheduling = scheduler.run(stop.signal).catch((error: unknown) => {
    ails.scheduler = `the scheduler ended: ${error instanceof Error ? error.message : String(error)}`;
    schedulerLogger.error("the scheduler ended", { error });
  });
  return {
    api,
    clientAs,
    async [Symbol.asyncDispose]() {
      stop.abort(new Error("the control plane stops"));
      await scheduling;
      await controllers[Symbol.asyncDispose]();
      await api[Symbol.asyncDispose]();
    },
  };
}
