import { hash, randomBytes } from "node:crypto";
import { orderSays, planOf, stepWords } from "@provost/shared/actions/index.ts";
import { AppError } from "@provost/shared/lib/app-error.ts";
import { canonicalJson } from "@provost/shared/lib/canonical-json.ts";
import { commandContext } from "@provost/shared/model/command.ts";
import type { ActionOrder, Command } from "@provost/shared/model/command.ts";
import type { DeviceId } from "@provost/shared/model/ids.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";
import type { Audit } from "../audit/audit.ts";
import { signWith } from "../edge/keys.ts";
import type { Store } from "../store/store.ts";

/** A device that is away gets its orders when it returns, for so long. */
const lifeMs = 7 * 86_400_000;
/** Nobody orders more of one device before it has taken some. */
const mostWaiting = 200;
/** A digest on so large a part of the fleet waits for a person's word. */
const commonShare = 0.2;
const systemPackage = /^pkg:(?:deb|rpm|alpm|apk)\//;

export interface Ordering {
  readonly order: ActionOrder;
  readonly reason: string;
  readonly by: string;
  readonly incident?: string | undefined;
  readonly confirmed?: boolean | undefined;
}

export interface OrderOfMany {
  readonly devices: readonly DeviceId[];
  readonly ordering: Ordering;
}

export interface Response {
  issue(devices: readonly DeviceId[], ordering: Ordering): readonly Command[];
  /** All of them, in this order, and what is written `together` with them, or nothing. */
  issueAll(orders: readonly OrderOfMany[], together: (made: readonly Command[]) => void): readonly Command[];
  preview(devices: readonly DeviceId[], order: ActionOrder): Answer<"previewCommand">;
  cancel(id: string, by: string): void;
}

/** Signs orders, keeps them, and has them sent to whoever is there. */
export function openResponse(
  store: Pick<Store, "access" | "commands" | "inventory" | "read">,
  audit: Audit,
  now: () => number,
  issued: (device: DeviceId) => void,
): Response {
  const { privateKey } = store.access.serverKey();

  const warnings = (order: ActionOrder): string[] => {
    if (order.action !== "block-digest" && order.action !== "quarantine-file") return [];
    const fleet = store.inventory.deviceIds().length;
    const found = store.read.executables({ digest: order.sha256, limit: 500, sort: "-standing" });
    const devices = new Set(found.rows.map(({ device }) => device)).size;
    const vouched = found.rows.find(({ standing }) => standing === "proven" || standing === "signed");
    // Not proven here perhaps; yet who takes a system's own program away has to know it.
    const owned = found.rows.find(({ package: of }) => of !== undefined && systemPackage.test(of));
    return [
      ...(devices > 1 && devices / fleet > commonShare ? [`These bytes lie on ${devices} of ${fleet} devices.`] : []),
      ...(vouched === undefined ? [] : [`${vouched.path} is ${vouched.standing}: ${vouched.says}`]),
      ...(vouched !== undefined || owned === undefined
        ? []
        : [`${owned.path} belongs to the installed package ${owned.package}.`]),
    ];
  };

  const refusal = (devices: readonly DeviceId[], order: ActionOrder): string | undefined => {
    if (devices.length === 0) return "no device is meant by it";
    if (devices.length > 1 && order.action !== "block-digest" && order.action !== "allow-digest")
      return "only blocking and allowing a digest can be ordered of many devices at once";
    if (order.action !== "undo") return undefined;
    const target = store.commands.one(order.command);
    if (target === undefined || target.command.device !== devices[0]) return "this device was given no such order";
    return target.state === "executed" || target.state === "verified"
      ? undefined
      : `the order is ${target.state}: there is nothing to undo`;
  };

  const made = ({ devices, ordering: { order, reason, by, incident, confirmed } }: OrderOfMany): readonly Command[] => {
    const refused = refusal(devices, order);
    if (refused !== undefined) throw new AppError("CONFIG_INVALID", refused);
    const warned = warnings(order);
    if (warned.length > 0 && confirmed !== true)
      throw new AppError("NOT_ALLOWED", `this waits for a person's word: ${warned.join(" ")}`, {
        remedy: "look at the preview, and confirm",
      });
    const full = devices.find((device) => store.commands.countWaiting(device) >= mostWaiting);
    if (full !== undefined)
      throw new AppError("LIMIT", `${mostWaiting} orders wait for device ${full} already; cancel some first`);
    const at = now();
    return devices.map((device): Command => ({
      id: `cmd_${randomBytes(12).toString("hex")}`,
      device,
      order,
      reason,
      by,
      ...(incident === undefined ? {} : { incident }),
      issuedAt: at,
      expires: at + lifeMs,
      nonce: randomBytes(16).toString("hex"),
      ...(confirmed === true ? { confirmed } : {}),
    }));
  };

  const keep = (command: Command): void => {
    const body = canonicalJson(command);
    const signature = signWith(privateKey, Buffer.from(`${commandContext}\n${body}`));
    store.commands.add(command, { body, signature });
    const { id, device, order, reason, by, incident } = command;
    audit.note("command", by, `Ordered: ${orderSays(order)}`, {
      command: id,
      device,
      reason,
      sha256: hash("sha256", body, "hex"),
      ...(incident === undefined ? {} : { incident }),
      ...(order.action === "undo" ? { undoes: order.command } : {}),
    });
  };

  const issueAll: Response["issueAll"] = (orders, together) => {
    // One order after the other is kept before the next is made, so that the limit counts those before it.
    const all = store.inventory.transaction(() => {
      const kept = orders.flatMap((one) => {
        const commands = made(one);
        for (const command of commands) keep(command);
        return commands;
      });
      together(kept);
      return kept;
    });
    for (const device of new Set(all.map((command) => command.device))) issued(device);
    return all;
  };

  return {
    issue: (devices, ordering) => issueAll([{ devices, ordering }], () => undefined),
    issueAll,
    preview(devices, order) {
      const refused = refusal(devices, order);
      const target = order.action === "undo" ? store.commands.one(order.command)?.command.order : order;
      const steps = target === undefined || target.action === "undo" ? [] : planOf(target);
      const words = steps.map((step) => ({ step: step.step, ...stepWords(step) }));
      return {
        says: orderSays(order, target),
        steps:
          order.action === "undo"
            ? words.toReversed().map(({ step, undo }) => ({ step, says: undo ?? "Cannot be undone" }))
            : words,
        devices: devices.length,
        warnings: warnings(order),
        ...(refused === undefined ? {} : { refused }),
      };
    },
    cancel: (id, by) =>
      store.inventory.transaction(() => {
        if (!store.commands.cancel(id, `cancelled by ${by}`, now()))
          throw new AppError("NOT_ALLOWED", "a device has taken it already, or it has ended; undo it instead");
        audit.note("command", by, "Cancelled before a device took it", { command: id });
      }),
  };
}
