import { Environment, type ASTNode } from "@marcbachmann/cel-js";
import type { Situation } from "./situation.ts";

/** A CEL expression over a situation. It is checked when the policy is read; a fault while it runs is an answer, not an exception. */
export interface Condition {
  readonly text: string;
  readonly holds: (situation: Situation) => boolean | { readonly fault: string };
}

export type ConditionReading =
  | { readonly ok: true; readonly condition: Condition }
  | { readonly ok: false; readonly why: string };

export function readCondition(text: string): ConditionReading {
  if (text.length > maxConditionLength) return { ok: false, why: `it is longer than ${maxConditionLength} characters` };
  try {
    const checked = environment.check(text);
    if (!checked.valid) return { ok: false, why: checked.error?.message ?? "it is no CEL expression" };
    if (checked.type !== "bool" && checked.type !== "dyn") return { ok: false, why: "it does not answer yes or no" };
    const program = environment.parse(text);
    // A pattern over names a stranger chose can take exponential time in this engine; tables have anchored patterns instead.
    if (calls(program.ast, "matches"))
      return { ok: false, why: "matches() is not available here; use a pattern in a table" };
    return { ok: true, condition: { text, holds: (situation) => evaluated(program, situation) } };
  } catch (cause) {
    return {
      ok: false,
      why: cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : "it is no CEL expression",
    };
  }
}

export const maxConditionLength = 2000;

const environment = new Environment({
  limits: { maxAstNodes: 500, maxDepth: 24, maxListElements: 100, maxMapEntries: 100, maxCallArguments: 8 },
})
  .registerVariable("verdict", "map<string, dyn>")
  .registerVariable("device", "map<string, dyn>")
  .registerVariable("file", "map<string, dyn>")
  .registerVariable("history", "map<string, dyn>");

function evaluated(
  program: (context: Record<string, unknown>) => unknown,
  situation: Situation,
): boolean | { fault: string } {
  try {
    const result = program(contextOf(situation));
    return typeof result === "boolean" ? result : { fault: "the condition did not answer yes or no" };
  } catch (cause) {
    return { fault: cause instanceof Error ? (cause.message.split("\n")[0] ?? "fault") : "fault" };
  }
}

/** Only these names exist in a condition. What is not known is absent, so that has() can ask. */
function contextOf({ verdict, device, file, history }: Situation): Record<string, unknown> {
  const known = (values: object): object =>
    Object.fromEntries(
      Object.entries(values).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, typeof value === "number" ? BigInt(Math.trunc(value)) : value]],
      ),
    );
  return {
    verdict: known({
      standing: verdict.standing,
      basis: verdict.basis,
      level: verdict.standing === "proven" ? (verdict.slsaLevel ?? 0) : 0,
    }),
    device: known(device),
    file: known({ ...file, built: known(file.built ?? {}) }),
    history: known(history ?? {}),
  };
}

function calls(node: ASTNode, name: string): boolean {
  const parts: readonly unknown[] = Array.isArray(node.args) ? node.args : [node.args];
  if ((node.op === "call" || node.op === "rcall") && parts[0] === name) return true;
  return parts.flat(3).some((part) => isNode(part) && calls(part, name));
}

const isNode = (part: unknown): part is ASTNode =>
  typeof part === "object" && part !== null && "op" in part && "args" in part;
