/** `npm run protocol`: writes docs/protocol.md from shared/protocol/frames.ts. protocol.test.ts proves that it is fresh. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { toJSONSchema } from "zod";
import type { $ZodType } from "zod/v4/core";
import * as frames from "@provost/shared/protocol/frames.ts";
import { subprotocol } from "@provost/shared/protocol/version.ts";

export const protocolFile = join(import.meta.dirname, "../../docs/protocol.md");

export function protocolDocument(): string {
  return [
    opening,
    limitsTable(),
    ...parts.flatMap(({ title, says, messages }) => [
      `## ${title}\n\n${says}`,
      ...messages.map(([schema, about]) => messageSection(schema, about)),
    ]),
    closing,
  ].join("\n\n");
}

const opening = `<!-- Written by \`npm run protocol\` from shared/protocol/frames.ts. Change that file, not this one. -->

# The protocol between agent and server

One WebSocket, opened by the agent at \`/agent\`, subprotocol \`${subprotocol}\`, the WebSocket's own compression off. Greetings are JSON in
text messages. After \`welcome\` both sides send binary messages: one JSON document, compressed with zstd. The receiver bounds both sizes
itself and believes no length field. Whatever does not match the tables below is refused and the connection closed; nothing of the
message is kept. Unknown members are refused in greetings and in \`batch\`, and dropped elsewhere.

Paths are text as \`shared/lib/path-text.ts\` writes it: bytes that are not plain UTF-8 stand as \`\\xNN\`, so that no two paths share a text.
Times are milliseconds since 1970-01-01T00:00:00Z.`;

const parts: readonly {
  readonly title: string;
  readonly says: string;
  readonly messages: readonly (readonly [$ZodType, string])[];
}[] = [
  {
    title: "Greeting",
    says: `The server proves its key first, so that an enrolment token is never shown to a stranger. Keys are Ed25519, as base64 of DER (SPKI).
Every signature covers the canonical JSON (RFC 8785) of a statement that holds a purpose and both nonces
(\`shared/protocol/greeting.ts\`). A greeting that is not finished within ten seconds is closed.

\`\`\`
agent                                   server
hello     nonce                    ->
                                   <-   challenge  nonce, serverKey, signature
enrol     token, deviceKey, sig    ->   (the first time)
resume    device, epoch, sig       ->   (every other time)
token     token                    ->   (whoever looks before enrolling)
                                   <-   valid
                                   <-   welcome    device, acknowledged, windowBytes, signature
                                   <-   refused    code, why          (then the connection ends)
\`\`\``,
    messages: [
      [frames.Hello, "The agent's first message."],
      [frames.Challenge, "The server's key and its signature over both nonces."],
      [frames.AskToken, "Would this token be taken? It is not used up. Only `provost doctor` and `provost enrol` ask."],
      [frames.TokenGood, "It would; else `refused` says why not."],
      [frames.Enrol, "A new device: its own key, and a token that works once. Whom to believe stands in the token."],
      [frames.Resume, "A known device, signed with the key it enrolled with. A new `epoch` starts the count again."],
      [frames.Welcome, "The session is open; everything up to `acknowledged` is stored."],
      [frames.Refused, "Why not. `code` is one of errors.md."],
    ],
  },
  {
    title: "From the agent",
    says: `Frames are numbered within one epoch, one life of the agent's spool. The server stores a batch in one transaction and then
acknowledges it; a batch sent twice changes nothing; a gap that was not declared in \`skipped\` is answered with \`resync\`.`,
    messages: [
      [
        frames.Batch,
        "`frames[i]` has the number `first + i`. `skipped` numbers just before `first` were superseded and will never come. A frame is any of the following.",
      ],
      [frames.DeviceFrame, "What the machine is."],
      [frames.ArchivesFrame, "The archives that apt is configured with in one root, and the keys that may sign them."],
      [frames.PackagesFrame, "Installed packages that are new or changed, and those that are gone."],
      [
        frames.FilesFrame,
        "Executable files with their digest and the records about them. The device alone has the bytes, so it also makes each comparison.",
      ],
      [
        frames.RunningFrame,
        "The whole of what runs now; it replaces the last one. `processes[].files[].at` points into `files`.",
      ],
      [frames.ScanFrame, "How far a pass has come, and what it could not see."],
      [frames.HealthFrame, "How the agent itself is, every 30 seconds."],
      [frames.LostFrame, "Something generated that will never arrive: generated = stored + declared lost."],
      [frames.HeldFrame, "The device has stored these proofs and verdicts: the server need not send them again."],
      [
        frames.DecisionsFrame,
        "What the gate decided about programs, libraries and scripts. `code` is what `provost why` and `provost request` take; `would` is what the policy wanted where the mode allowed less; `count` equal ones are folded into one. Never dropped.",
      ],
      [
        frames.AlarmsFrame,
        "What is wrong with the watch itself: somebody reached for it, events were lost, a part is gone. Never dropped.",
      ],
      [frames.RequestFrame, "A person at the device asks that a file may run. Never dropped."],
      [
        frames.EventsFrame,
        "What the device saw happen: each process once, events point into the list. Telemetry: a full spool drops the oldest and tells how much.",
      ],
      [
        frames.ReportFrame,
        "Where an order stands: each change of its state, with its steps and the entry of the device's own audit. Never dropped.",
      ],
      [
        frames.TriageFrame,
        "A piece of the bundle that an order had the device collect: gzip of one JSON document. Pieces come in any order; a piece sent twice changes nothing.",
      ],
    ],
  },
  {
    title: "From the server",
    says: "After `welcome`, in any order.",
    messages: [
      [frames.Acknowledge, "Everything up to `upTo` is stored; `windowBytes` may be under way unacknowledged."],
      [
        frames.ProofMessage,
        "What the server established about one package version, cut to the files this device asked about.",
      ],
      [
        frames.AttestedMessage,
        "What documents (attestations, bundles, signatures) establish about one file or archive, with the documents themselves.",
      ],
      [
        frames.CommandMessage,
        "An order: canonical JSON of a command, and the signature of its context and bytes by the server's key. Sent once in each session until the device took it.",
      ],
      [
        frames.PolicyMessage,
        "The policy for every device: canonical JSON of a published policy, and the signature of its context and bytes by the server's key. Once in each session and whenever there is a newer issue.",
      ],
      [
        frames.TriageMessage,
        "What became of a bundle. `kept`: the server holds all its pieces, and their bytes have that digest. Sent in each session until the order has ended.",
      ],
      [frames.TrustMessage, "The owner's trust document, once in each session and whenever another one is published."],
      [
        frames.Resync,
        "The server lacks something the agent believes delivered: begin a new epoch and tell everything again.",
      ],
    ],
  },
];

const closing = `## Changing it

[how-to/add-a-frame.md](how-to/add-a-frame.md). A change that an older peer cannot read gets a new subprotocol in
\`shared/protocol/version.ts\`.
`;

function limitsTable(): string {
  const rows = Object.entries(frames.limits).map(([name, value]) => `| \`${name}\` | ${plain(value)} |`);
  return `## Limits\n\nChecked before a message is opened and while it is unpacked.\n\n| limit | value |\n|---|---|\n${rows.join("\n")}`;
}

interface Shape {
  readonly type?: string;
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Shape;
  readonly propertyNames?: Shape;
  readonly items?: Shape;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

function messageSection(schema: $ZodType, about: string): string {
  const shape = toJSONSchema(schema, { io: "input" }) as Shape;
  const kind = shape.properties?.["kind"]?.const ?? "";
  const rows = fieldRows(shape, "").filter((row) => !row.startsWith("| `kind` |"));
  const table = rows.length === 0 ? "" : `\n\n| field | what it holds |\n|---|---|\n${rows.join("\n")}`;
  return `### ${kind}\n\n${about}${table}`;
}

function fieldRows(shape: Shape, prefix: string): readonly string[] {
  return Object.entries(shape.properties ?? {}).flatMap(([name, field]) => {
    const place = `${prefix}${name}`;
    const optional = shape.required?.includes(name) === true ? "" : " (optional)";
    return [`| \`${place}\` | ${described(field)}${optional} |`, ...inner(field, place)];
  });
}

/** Objects inside are written out below the field that holds them; a list of frames is not, because they follow anyway. */
function inner(field: Shape, place: string): readonly string[] {
  if (field.properties !== undefined) return fieldRows(field, `${place}.`);
  if (field.items?.properties !== undefined) return fieldRows(field.items, `${place}[].`);
  return [];
}

function described(field: Shape): string {
  if (field.const !== undefined) return `\`${field.const}\``;
  if (field.enum !== undefined) return field.enum.map((value) => `\`${value}\``).join(", ");
  switch (field.type) {
    case "string":
      return text(field);
    case "integer":
      return wholeNumber(field);
    case "boolean":
      return "`true` or `false`";
    case "number":
      return field.minimum === undefined ? "number" : `number, at least ${plain(field.minimum)}`;
    case "array":
      return `${listBounds(field)} ${itemsOf(field)}`;
    case "object":
      return typeof field.additionalProperties === "object"
        ? `map of ${described(field.propertyNames ?? {})} to ${described(field.additionalProperties)}`
        : "object";
    default:
      throw new Error(`write-protocol.ts has no words for ${JSON.stringify(field)}`);
  }
}

function text({ maxLength, pattern }: Shape): string {
  const bound = maxLength === undefined ? "" : `, at most ${plain(maxLength)} characters`;
  const words = pattern === undefined ? "text" : patterns[pattern];
  if (words === undefined) throw new Error(`write-protocol.ts has no words for the pattern ${pattern}`);
  return words + bound;
}

const patterns: Readonly<Record<string, string>> = {
  "^[0-9a-f]{64}$": "SHA-256, 64 hexadecimal digits",
  "^[0-9a-f]+$": "hexadecimal digits",
  "^[0-9a-f]{6,12}$": "6 to 12 hexadecimal digits",
  "^[a-z]+(-[a-z]+)*$": "a word of lower-case letters and hyphens",
  "^[A-Za-z0-9+/_-]*={0,2}$": "base64",
  "^\\d{1,20}$": "digits, at most 20",
  "^[0-9a-z-]{1,60}$": "lower-case letters, digits and hyphens, at most 60",
};

function wholeNumber({ minimum, maximum }: Shape): string {
  const least = minimum === undefined || minimum <= 0 ? "" : ` from ${plain(minimum)}`;
  const most = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? "" : ` up to ${plain(maximum)}`;
  return `whole number${least}${most}`;
}

const listBounds = ({ minItems, maxItems }: Shape): string =>
  minItems === undefined ? `list of at most ${plain(maxItems ?? 0)}` : `list of ${minItems} to ${plain(maxItems ?? 0)}`;

function itemsOf({ items }: Shape): string {
  if (items?.oneOf !== undefined || items?.anyOf !== undefined) return "frames";
  return items?.properties === undefined ? `items: ${described(items ?? {})}` : "objects";
}

const plain = (value: number): string => value.toLocaleString("en");

if (process.argv[1] === import.meta.filename) writeFileSync(protocolFile, protocolDocument());
