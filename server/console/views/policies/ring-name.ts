import { visible } from "../../parts/visible-text.ts";

/** The last ring has no group: every device in none of the others. */
export const ringName = (group: string): string => (group === "" ? "All others" : visible(group));
