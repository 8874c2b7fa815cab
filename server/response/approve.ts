import type { infer as Infer } from "zod";
import { AppError } from "@provost/shared/lib/app-error.ts";
import type { DeviceId, Sha256 } from "@provost/shared/model/ids.ts";
import type { DecideRequest } from "@provost/shared/protocol/response-api.ts";
import type { Audit } from "../audit/audit.ts";
import type { Store } from "../store/store.ts";
import type { Ordering, OrderOfMany, Response } from "./issue.ts";

const hourMs = 3_600_000;

interface Parts {
  readonly store: Pick<Store, "commands" | "gate" | "inventory">;
  readonly response: Response;
  readonly audit: Audit;
  readonly now: () => number;
}

/**
 * Answers what a person at a device asked for. Approved: what holds these bytes back there by an order is undone, and they may run until
 * the hours are over. All of it or nothing. Undefined: there is no such request.
 */
export function decideRequest(
  id: string,
  { approve, reason, scope, hours }: Infer<typeof DecideRequest>,
  by: string,
  { store, response, audit, now }: Parts,
): { readonly commands: string[] } | undefined {
  const asked = store.gate.request(id);
  if (asked === undefined) return undefined;
  if (asked.answered) throw new AppError("NOT_ALLOWED", "it was answered already; who asks again asks anew");
  const { device, code, sha256, path } = asked;
  const devices = scope === "fleet" ? store.inventory.deviceIds() : [device];
  const allowing: OrderOfMany = {
    devices,
    ordering: { order: { action: "allow-digest", sha256, code, expires: now() + hours * hourMs }, reason, by },
  };
  const holding = approve ? held(sha256, new Set(devices), store) : [];
  const undoing = holding.filter(({ waits }) => !waits).map((one) => undo(one, { reason, by }));
  const given = response.issueAll(approve ? [...undoing, allowing] : [], (made) => {
    // Not taken yet, it would stop the bytes again after they were allowed.
    for (const { command } of holding.filter(({ waits }) => waits)) response.cancel(command, by);
    const commands = made.map((command) => command.id);
    store.gate.answer(id, { approved: approve, by, at: now(), reason, scope, commands });
    audit.note(
      "approval",
      by,
      `${approve ? `Approved for ${hours} hours on ${scopeSays[scope]}` : "Denied"}: ${path}`,
      {
        request: id,
        device,
        digest: sha256,
        reason,
        ...(commands.length === 0 ? {} : { orders: namesOf(commands) }),
      },
    );
  });
  return { commands: given.map((command) => command.id) };
}

const mostNamed = 40;

/** The rest stand as entries of their own just before. */
const namesOf = (commands: readonly string[]): string =>
  [
    ...commands.slice(0, mostNamed),
    ...(commands.length > mostNamed ? [`and ${commands.length - mostNamed} more`] : []),
  ].join(" ");

const scopeSays = { device: "this device", fleet: "every device" } as const;

interface Held {
  readonly command: string;
  readonly device: DeviceId;
  /** No device has taken it yet. */
  readonly waits: boolean;
}

function held(sha256: Sha256, devices: ReadonlySet<DeviceId>, store: Parts["store"]): readonly Held[] {
  const found = store.commands.holding(sha256).filter(({ device }) => devices.has(device));
  const onItsWay = found.find(({ state }) => state === "accepted");
  if (onItsWay !== undefined)
    throw new AppError("NOT_ALLOWED", `the order ${onItsWay.id} about these bytes is being carried out`, {
      remedy: "answer again once it has ended",
    });
  return found.map(({ id, device, state }) => ({ command: id, device, waits: state === "issued" }));
}

const undo = ({ command, device }: Held, { reason, by }: Pick<Ordering, "reason" | "by">): OrderOfMany => ({
  devices: [device],
  ordering: { order: { action: "undo", command }, reason, by },
});
