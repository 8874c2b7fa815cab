import { expect, test } from "vitest";
import { Frame, FromAgent, FromServer, ServerMessage, TokenGood } from "@provost/shared/protocol/frames.ts";
import { read } from "./repository.ts";
import { protocolDocument } from "./write-protocol.ts";

test("docs/protocol.md is what `npm run protocol` writes from the schemas", () => {
  expect(read("docs/protocol.md")).toBe(protocolDocument());
});

test("every message that either side may send is described", () => {
  const kinds = [
    ...FromAgent.options.map(({ shape }) => shape.kind.value),
    // The frame of events and the server's messages are in the schema library's small form.
    ...[...Frame.options, ...FromServer.def.options, ...ServerMessage.def.options, TokenGood].flatMap(
      ({ shape }) => shape.kind.def.values,
    ),
  ];
  const described = [...protocolDocument().matchAll(/^### (\w+)$/gm)].map(([, kind = ""]) => kind);
  expect(described.toSorted()).toEqual([...kinds, "batch"].toSorted());
});
