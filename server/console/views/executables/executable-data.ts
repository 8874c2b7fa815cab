import type { Answer } from "@provost/shared/protocol/api.ts";

export type ExecutableData = Answer<"executable">;
