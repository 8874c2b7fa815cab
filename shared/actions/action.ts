import type { ActionName, ActionOrder } from "../model/command.ts";
import type { Step } from "./step.ts";

export type OrderOf<Name extends ActionName> = Extract<ActionOrder, { action: Name }>;

/** What a person can choose: agent, server and console read the same definition. Pure. */
export interface Action<Name extends ActionName> {
  readonly name: Name;
  /** "Kill /tmp/x (4711) and what it started". */
  says(order: OrderOf<Name>): string;
  /** In the order in which they are done; undone in reverse. */
  plan(order: OrderOf<Name>): readonly Step[];
}
