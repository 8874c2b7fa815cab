import type { DetectedFinding } from "@provost/shared/model/detection.ts";
import type { Answer } from "@provost/shared/protocol/api.ts";

/** A finding as people read it. */
export function detectionRow(
  { provenanceChange: _change, rarity: _rarity, ...finding }: DetectedFinding,
  name: string | null,
  incident: string | null,
): Answer<"detections">["rows"][number] {
  return {
    ...finding,
    facts: { ...finding.facts },
    deviceName: name ?? finding.device,
    ...(incident === null ? {} : { incident }),
  };
}
