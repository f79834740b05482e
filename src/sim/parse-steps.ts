/** Reads what a stage does: `next`, and `steps`. */
import type { ApplyStep, PlacedKind, Step } from "./stage.ts";
import type { Located } from "./stage-source.ts";
import { TemplateError } from "./template/lexer.ts";
import { compileTemplate, type Template } from "./template/template.ts";

interface Context {
  file: string;
  /** Its objects are written as the node that they belong to. */
  ofNode: boolean;
}

export function readSteps(spec: Located, context: Context): Step[] {
  const steps = spec.field("steps");
  const next = spec.field("next");
  if (steps) {
    if (next) next.problem("steps is given as well and next would be ignored: keep one of them");
    return steps.items().flatMap((step) => readStep(step, context));
  }
  if (!next) {
    spec.problem("next is missing: it holds statusTemplate, patches, event, finalizers or delete");
    return [];
  }
  next.only("event", "finalizers", "delete", "patches", "statusTemplate", "statusSubresource", "statusPatchAs");
  const as = readImpersonation(next, "statusPatchAs", context);
  const patches = next.field("patches");
  const status = next.field("statusTemplate");
  if (patches && status) status.problem("patches is given as well and statusTemplate would be ignored: keep one of them");
  const template = status && readTemplate(status);
  const found: Step[] = [
    ...readEvent(next.field("event")),
    ...readFinalizers(next.field("finalizers")),
    ...(patches?.items() ?? []).flatMap((patch) => readPatch(patch, context)),
    ...(template
      ? [
          {
            kind: "patch",
            type: context.ofNode ? "strategic" : "merge",
            subresource: next.string("statusSubresource") ?? "status",
            root: "status",
            as,
            ...placed(template, status, context),
          } as const,
        ]
      : []),
    ...(next.boolean("delete") ? [{ kind: "delete" } as const] : []),
  ];
  if (found.length === 0 && !status && !patches?.items().length)
    next.problem("does nothing: give it statusTemplate, patches, event, finalizers or delete: true");
  return found;
}

function readStep(step: Located, context: Context): Step[] {
  step.only("patch", "event", "finalizers", "delete", "apply");
  const patch = step.field("patch");
  const apply = step.field("apply");
  const found: Step[] = [
    ...readEvent(step.field("event")),
    ...readFinalizers(step.field("finalizers")),
    ...(step.boolean("delete") ? [{ kind: "delete" } as const] : []),
    ...(patch ? readPatch(patch, context) : []),
    ...(apply ? readApply(apply, context) : []),
  ];
  if (found.length === 0 && !patch && !apply) step.problem("does nothing: give it patch, apply, event, finalizers or delete: true");
  return found;
}

function readEvent(event: Located | undefined): Step[] {
  if (!event) return [];
  event.only("type", "reason", "message");
  const type = event.oneOf("type", ["Normal", "Warning"]) ?? "Normal";
  return [{ kind: "event", type, reason: event.string("reason") ?? "", message: event.string("message") ?? "" }];
}

function readFinalizers(finalizers: Located | undefined): Step[] {
  if (!finalizers) return [];
  finalizers.only("add", "remove", "empty");
  const values = (name: string): string[] => (finalizers.field(name)?.items() ?? []).flatMap((item) => item.only("value").string("value") ?? []);
  return [{ kind: "finalizers", add: values("add"), remove: values("remove"), empty: finalizers.boolean("empty") ?? false }];
}

function readPatch(patch: Located, context: Context): Step[] {
  patch.only("subresource", "root", "template", "type", "impersonation");
  const as = readImpersonation(patch, "impersonation", context);
  const source = patch.field("template");
  if (!source) patch.problem("template is missing: the patch's text");
  const template = source && readTemplate(source);
  const type = patch.oneOf("type", ["json", "merge", "strategic"]) ?? (context.ofNode ? "strategic" : "merge");
  const root = patch.string("root") ?? "";
  return template ? [{ kind: "patch", type, subresource: patch.string("subresource") ?? "", root, as, ...placed(template, source, context) }] : [];
}

function readApply(apply: Located, context: Context): ApplyStep[] {
  apply.only("template", "subresource", "type", "impersonation");
  const as = readImpersonation(apply, "impersonation", context);
  const source = apply.field("template");
  if (!source) apply.problem("template is missing: the whole object, with apiVersion and kind");
  const template = source && readTemplate(source);
  const type = apply.oneOf("type", ["apply", "merge", "strategic"]) ?? "apply";
  const target = source && template && readTarget(source);
  return target ? [{ kind: "apply", type, subresource: apply.string("subresource") ?? "", target, as, ...placed(template, source, context) }] : [];
}

/** What an apply step writes decides what the simulator must be allowed to do, before anything is rendered. */
function readTarget(source: Located): PlacedKind | undefined {
  const written = (name: string): string | undefined => new RegExp(`^${name}: *["']?([\\w./-]+)["']? *$`, "m").exec(String(source.value))?.[1];
  const [apiVersion, kind] = [written("apiVersion"), written("kind")];
  if (apiVersion && kind) return { apiVersion, kind, place: source.place };
  source.problem("needs lines with apiVersion and kind, written out, not made by the template: the rights of the simulator depend on them");
  return undefined;
}

const placed = (template: Template, at: Located | undefined, { file }: Context): { template: Template; where: string; line: number } => ({
  template,
  where: file,
  line: at?.textLine ?? 0,
});

function readImpersonation(located: Located, name: string, { ofNode }: Context): string | undefined {
  const config = located.field(name)?.only("username");
  if (!config) return undefined;
  const username = config.string("username");
  if (!username) config.problem("username is missing: the user to impersonate");
  if (ofNode) config.problem("impersonation is for other kinds than Pod and Node: those are written with the node's own identity; remove it");
  return username;
}

function readTemplate(located: Located): Template | undefined {
  if (typeof located.value !== "string") {
    located.problem("must be a text with a Go template; write it as a block after |");
    return undefined;
  }
  try {
    return compileTemplate(located.value);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    located.problem(error.message, located.textLine + error.line - 1);
    return undefined;
  }
}
