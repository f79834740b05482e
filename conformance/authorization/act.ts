/** Plays the cases of impersonation on both servers: answers, and what their audit logs say of who acted as whom. */
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { type Answer, type Request, type Server, send } from "../differential/exchange.ts";
import { associated, type ImpersonationCase, impersonationCases } from "./impersonation.ts";

export interface Stage {
  servers: Readonly<Record<"peer" | "ours", Server>>;
  /** Where the audit log of a server is. */
  auditLog(side: "peer" | "ours"): string;
  /** What differs is told; the first of the pair is upstream's. */
  report(name: string, pair: readonly unknown[]): void;
  /** Without what is another from run to run. */
  common(side: "peer" | "ours", value: unknown): unknown;
}

const sides = ["peer", "ours"] as const;
const rbac = "/apis/rbac.authorization.k8s.io/v1";
const node = { apiVersion: "v1", kind: "Node", metadata: { name: "n1" } };
const robot = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "robot", namespace: "default" } };

/** A line of --token-auth-file for each case. */
export const tokenFile = (): string => impersonationCases.map((_, i) => `token-${i},caller-${i},${i},"callers"`).join("\n");

async function give(stage: Stage, name: string, subject: object, { rules }: ImpersonationCase): Promise<void> {
  const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", metadata: { name }, rules };
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name };
  const binding = { apiVersion: role.apiVersion, kind: "ClusterRoleBinding", metadata: { name }, roleRef, subjects: [subject] };
  for (const side of sides) {
    await made(stage, side, `${rbac}/clusterroles`, role);
    await made(stage, side, `${rbac}/clusterrolebindings`, binding);
  }
}

async function made({ servers }: Stage, side: "peer" | "ours", path: string, body: object): Promise<Answer> {
  const answer = await send(servers[side], { method: "POST", path, body });
  if (answer.code !== 201) throw new Error(`${side}: POST ${path}: ${answer.code} ${JSON.stringify(answer.body)}`);
  return answer;
}

/** Upstream's informers take their time. */
const settleTime = 1500;

export async function actAsOthers(stage: Stage): Promise<void> {
  for (const [i, one] of impersonationCases.entries()) await give(stage, `caller-${i}`, { kind: "User", name: `caller-${i}` }, one);
  const tokens = { peer: "", ours: "" };
  for (const side of sides) {
    await made(stage, side, "/api/v1/nodes", node);
    await made(stage, side, "/api/v1/namespaces/default/serviceaccounts", robot);
    const spec = { audiences: [], boundObjectRef: { kind: "Node", apiVersion: "v1", name: "n1" } };
    const path = "/api/v1/namespaces/default/serviceaccounts/robot/token";
    const { body } = await made(stage, side, path, { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec });
    tokens[side] = (body as { status: { token: string } }).status.token;
  }
  const [onNode] = associated as [ImpersonationCase];
  await give(stage, "robot", { kind: "ServiceAccount", name: "robot", namespace: "default" }, onNode);
  await pause(settleTime);
  for (const [i, one] of impersonationCases.entries()) await attempt(stage, one, () => `token-${i}`);
  await attempt(stage, onNode, (side) => tokens[side]);
  const logged = sides.map((side) => stage.common(side, eventsOf(stage.auditLog(side))) as unknown[]);
  for (let i = 0; i < Math.max(...logged.map(({ length }) => length)); i++)
    stage.report(
      `audit event ${i} of impersonation`,
      logged.map((events) => events[i]),
    );
}

async function attempt(stage: Stage, { name, attempts }: ImpersonationCase, token: (side: "peer" | "ours") => string): Promise<void> {
  for (const { headers, path = "/api/v1/namespaces/default/pods", method = "GET" } of attempts) {
    const answers: unknown[] = [];
    for (const side of sides) {
      const request: Request = { method, path, client: "bare", headers: { ...headers, authorization: `Bearer ${token(side)}` } };
      answers.push(stage.common(side, await send(stage.servers[side], request)));
    }
    stage.report(`impersonation, ${name}: ${path} ${JSON.stringify(headers)}`, answers);
  }
}

interface Event {
  stage: string;
  requestURI: string;
  verb: string;
  user: { username: string };
  responseStatus?: { code?: number };
  annotations?: Record<string, string>;
}

function eventsOf(file: string): unknown[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Event & Record<string, unknown>)
    .filter(({ stage, user }) => stage === "ResponseComplete" && /^caller-|:robot$/.test(user.username))
    .map(({ requestURI, verb, user, impersonatedUser, authenticationMetadata, responseStatus, annotations }) => {
      // The token's own id, and the node's.
      const { extra: _, uid: __, ...who } = user as { username: string; extra?: object; uid?: string };
      return { requestURI, verb, who, impersonatedUser, authenticationMetadata, code: responseStatus?.code, annotations };
    });
}
