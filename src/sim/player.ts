/** Carries out stages: each step one request, as the identity whose business it is. */
import type { KubeObject } from "../api/object.ts";
import { isAlreadyExists } from "../api/status.ts";
import type { Client, Resource } from "../client/client.ts";
import { type EventRecorder, referenceTo } from "../client/events.ts";
import type { Resources } from "./kinds.ts";
import { applied, finalizersPatch, isKubelets, patchOf } from "./play.ts";
import { type ApplyStep, kindKey, type Stage, type Step } from "./stage.ts";
import type { Progress } from "./staged.ts";
import type { TemplateEnvironment } from "./template/functions.ts";

export interface PlayerOptions {
  /** As the simulator. */
  client: Client;
  clientFor(nodeName: string): Client;
  /** As a user that the simulator impersonates. */
  clientAs(username: string): Client;
  /** Of a node; of the simulator where there is none. */
  recorderFor(nodeName: string | undefined): EventRecorder;
  environment(nodeName: string): TemplateEnvironment;
  resources: Resources;
}

export class Player {
  readonly #options: PlayerOptions;

  constructor(options: PlayerOptions) {
    this.#options = options;
  }

  /**
   * `nodeName`: of the node that the object is or belongs to. Every template sees the object as it was before the stage.
   * Gives the object as it is then; undefined where it is gone or unchanged.
   */
  async play<T extends KubeObject>(
    resource: Resource<T>,
    object: T,
    { stage, progress, nodeName }: { stage: Stage; progress: Progress; nodeName: string | undefined },
  ): Promise<T | undefined> {
    const { namespace = "", name, uid } = object.metadata;
    const env = this.#options.environment(nodeName ?? "");
    let after: T | undefined;
    let deleted = false;
    for (const step of stage.steps.slice(progress.done)) {
      const api = this.#clientOf(step, nodeName).resource(resource);
      if (step.kind === "event") this.#options.recorderFor(nodeName).event(referenceTo(resource, object), step.type, step.reason, step.message);
      // As in kwok, only events follow a deletion.
      else if (deleted) continue;
      else if (step.kind === "apply") await this.#apply(step, object, env);
      else if (step.kind === "delete") {
        deleted = true;
        // Only finalizers hold it any longer: there is no more to ask for.
        const held = object.metadata.deletionTimestamp && object.metadata.deletionGracePeriodSeconds === 0;
        if (!held) await api.delete(namespace, name, { gracePeriodSeconds: 0, preconditions: { uid } });
      } else {
        const patch = step.kind === "patch" ? patchOf(step, object, env) : finalizersPatch(step, after ?? object);
        if (patch) after = await api.patch(namespace, name, patch.type, patch.body, patch.subresource ? { subresource: patch.subresource } : {});
      }
      progress.done++;
    }
    return deleted ? undefined : after;
  }

  async #apply(step: ApplyStep, object: KubeObject, env: TemplateEnvironment): Promise<void> {
    const wanted = applied(step, object, env);
    const resource = this.#options.resources.get(kindKey(step.target)) as Resource;
    const api = this.#clientOf(step, undefined).resource(resource);
    const { namespace = object.metadata.namespace ?? "", name } = wanted.metadata;
    const where = resource.namespaced ? namespace : "";
    const patch = (): Promise<unknown> => {
      const options = {
        ...(step.subresource ? { subresource: step.subresource } : {}),
        ...(step.type === "apply" ? { fieldManager: "kwok", force: true } : {}),
      };
      return api.patch(where, name, step.type, wanted, options);
    };
    if (step.subresource) await patch();
    else
      await api.create(where, wanted).catch((error: unknown) => {
        if (isAlreadyExists(error)) return patch();
        throw error;
      });
  }

  #clientOf(step: Step, nodeName: string | undefined): Client {
    const { client, clientFor, clientAs } = this.#options;
    if ((step.kind === "patch" || step.kind === "apply") && step.as !== undefined) return clientAs(step.as);
    return nodeName !== undefined && isKubelets(step) ? clientFor(nodeName) : client;
  }
}
