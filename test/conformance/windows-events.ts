import type { DetectionEvent, FieldValue, LogSource } from "../../server/detection/rule.ts";

/** A recorded Windows event, as SigmaHQ publishes them beside its rules. */
export interface WindowsEvent {
  readonly Event: {
    readonly System: {
      readonly EventID: number;
      readonly Channel: string;
      readonly Computer?: string;
      readonly Provider?: { readonly "#attributes"?: { readonly Name?: string } };
    };
    readonly EventData?: Readonly<Record<string, unknown>> | null;
    readonly UserData?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | null;
  };
}

/** Under Sigma's names: those of the details view, without blanks; the log source by channel and number, from Sigma's taxonomy. */
export function windowsEvent({ Event }: WindowsEvent, id: string): DetectionEvent {
  const { System, EventData, UserData } = Event;
  const fields: Record<string, FieldValue> = { EventID: System.EventID, Channel: System.Channel };
  const provider = System.Provider?.["#attributes"]?.Name;
  if (provider !== undefined) fields["Provider_Name"] = provider;
  if (System.Computer !== undefined) fields["Computer"] = System.Computer;
  for (const data of [EventData ?? {}, ...Object.values(UserData ?? {})])
    for (const [name, value] of Object.entries(data)) {
      if (name === "#attributes") continue;
      if (value === null || ["string", "number", "boolean"].includes(typeof value))
        fields[name.replaceAll(" ", "")] = value as FieldValue;
    }
  return { id, at: 0, source: { product: "windows", ...sourceOf(System.Channel, System.EventID) }, fields };
}

const channels: readonly (readonly [part: string, service: string])[] = [
  ["Microsoft-Windows-Sysmon/", "sysmon"],
  ["Microsoft-Windows-Windows Defender/", "windefend"],
  ["Microsoft-Windows-WMI-Activity/", "wmi"],
  ["Microsoft-Windows-TaskScheduler/", "taskscheduler"],
  ["Security", "security"],
];

const sysmonCategories: Readonly<Record<number, string>> = {
  1: "process_creation",
  3: "network_connection",
  5: "process_termination",
  6: "driver_load",
  7: "image_load",
  8: "create_remote_thread",
  10: "process_access",
  11: "file_event",
  12: "registry_event",
  13: "registry_event",
  14: "registry_event",
  17: "pipe_created",
  22: "dns_query",
};

function sourceOf(channel: string, number: number): LogSource {
  const service = channels.find(([part]) => channel.startsWith(part))?.[1];
  const category = service === "sysmon" ? sysmonCategories[number] : undefined;
  return { ...(service === undefined ? {} : { service }), ...(category === undefined ? {} : { category }) };
}

/** Names that the taxonomy gives to some of the events of another category: 13 is registry_set and registry_event both. */
export function alsoKnownAs(event: DetectionEvent): readonly DetectionEvent[] {
  const { fields, source } = event;
  if (source.service !== "sysmon") return [event];
  const number = Number(fields["EventID"]);
  const deleted = number === 12 && String(fields["EventType"] ?? "").startsWith("Delete");
  const other =
    number === 13
      ? "registry_set"
      : number === 14
        ? "registry_rename"
        : number === 12
          ? deleted
            ? "registry_delete"
            : "registry_add"
          : undefined;
  return other === undefined ? [event] : [event, { ...event, source: { ...source, category: other } }];
}
