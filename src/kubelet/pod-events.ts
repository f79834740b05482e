/** Events about pods and their containers. */
import type { Container, Node, ObjectReference, PersistentVolumeClaim, Pod } from "../api/types/core-v1.gen.ts";
import { type EventRecorder, type EventType, referenceTo } from "../client/events.ts";
import { persistentvolumeclaims, pods } from "../client/resources.gen.ts";

function fieldPath(pod: Pod, container: Container): string {
  const { spec } = pod;
  const has = (list: readonly { name: string }[] | undefined): boolean => list?.some((c) => c.name === container.name) ?? false;
  const list = has(spec.containers) ? "containers" : has(spec.initContainers) ? "initContainers" : "ephemeralContainers";
  return `spec.${list}{${container.name}}`;
}

export class PodEvents {
  readonly #recorder: EventRecorder;
  readonly #node: ObjectReference;
  constructor(recorder: EventRecorder, nodeName: string) {
    this.#recorder = recorder;
    // The name stands in for the uid, so that events of a node outlive its object.
    this.#node = { kind: "Node", apiVersion: "v1", name: nodeName, uid: nodeName };
  }
  pod(pod: Pod, type: EventType, reason: string, message: string): void {
    this.#recorder.event(referenceTo(pods, pod), type, reason, message);
  }
  container(pod: Pod, container: Container, type: EventType, reason: string, message: string): void {
    this.#recorder.event(referenceTo(pods, pod, fieldPath(pod, container)), type, reason, message);
  }
  claim(claim: PersistentVolumeClaim, type: EventType, reason: string, message: string): void {
    this.#recorder.event(referenceTo(persistentvolumeclaims, claim), type, reason, message);
  }
  node(type: EventType, reason: string, message: string): void {
    this.#recorder.event(this.#node, type, reason, message);
  }
  /** Once the object is known, its uid is used. */
  nodeIs(node: Node): void {
    this.#node.uid = node.metadata.uid;
  }
}
