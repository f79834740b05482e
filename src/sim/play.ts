/** What a stage's steps are as requests. Pure. */
import { DecodeError } from "../api/codec/decode-error.ts";
import type { KubeObject } from "../api/object.ts";
import type { PatchType } from "../client/client.ts";
import type { ApplyStep, FinalizersStep, PatchStep, Rendered, Step } from "./stage.ts";
import type { TemplateEnvironment } from "./template/functions.ts";
import { TemplateError } from "./template/lexer.ts";
import { YAMLMemory } from "./yaml-memory.ts";

export interface PatchRequest {
  type: PatchType;
  subresource: string;
  body: object;
}

/** Throws Error with the template's file and line. */
export function patchOf(step: PatchStep, object: KubeObject, env: TemplateEnvironment): PatchRequest {
  const rendered = render(step, object, env);
  const value = read(step, rendered);
  const { type, subresource, root } = step;
  if (type === "json") {
    if (!Array.isArray(value)) throw new Error(`${step.where}:${step.line}: a patch of type json is a list of operations, not ${JSON.stringify(value)}`);
    const body = value.map((operation) => (root ? rooted(operation as { path: string }, root) : (operation as object)));
    return { type, subresource, body: [...body, { op: "test", path: "/metadata/uid", value: object.metadata.uid }] };
  }
  const patch = (root ? { [root]: value } : value) as { metadata?: object };
  // The object that was looked at, not a later one of its name.
  return { type, subresource, body: { ...patch, metadata: { ...patch.metadata, uid: object.metadata.uid } } };
}

const rooted = (operation: { path: string }, root: string): object => ({ ...operation, path: `/${root}${operation.path}` });

/** The object that an apply step writes, as the template gives it. Throws Error with the template's place. */
export function applied(step: ApplyStep, object: KubeObject, env: TemplateEnvironment): KubeObject {
  const value = read(step, render(step, object, env)) as KubeObject | null;
  const { target, where, line } = step;
  if (value?.apiVersion === target.apiVersion && value.kind === target.kind && value.metadata?.name) return value;
  throw new Error(`${where}:${line}: the template does not give a ${target.kind} of ${target.apiVersion} with metadata.name: ${JSON.stringify(value)}`);
}

function render(step: Rendered, object: KubeObject, env: TemplateEnvironment): string {
  try {
    return step.template.render(object, env);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    throw new Error(`${step.where}:${step.line + error.line - 1}: ${error.message}`);
  }
}

const memories = new WeakMap<Rendered, YAMLMemory>();

function read(step: Rendered, text: string): unknown {
  let memory = memories.get(step);
  if (!memory) {
    memory = new YAMLMemory();
    memories.set(step, memory);
  }
  try {
    return memory.parse(text);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new Error(`${step.where}:${step.line}: the template does not give YAML (${error.message}):\n${text}`);
  }
}

/** Undefined where nothing changes. */
export function finalizersPatch(step: FinalizersStep, object: KubeObject): PatchRequest | undefined {
  const held = object.metadata.finalizers ?? [];
  const kept = step.empty ? [] : held.filter((finalizer) => !step.remove.includes(finalizer));
  const wanted = [...kept, ...step.add.filter((finalizer) => !kept.includes(finalizer))];
  if (wanted.length === held.length && wanted.every((finalizer, i) => finalizer === held[i])) return undefined;
  const { uid, resourceVersion } = object.metadata;
  return { type: "merge", subresource: "", body: { metadata: { uid, resourceVersion, finalizers: wanted } } };
}

/** Whether a kubelet may do this to its node or its pods itself: a node's identity may write statuses and delete its own pods, nothing else. */
export function isKubelets(step: Step): boolean {
  return step.kind === "delete" || step.kind === "event" || (step.kind === "patch" && step.subresource === "status");
}
