import * as z from "zod";

/** What every list of the API has in common. */
export const page = <T extends z.ZodType>(row: T) =>
  z.object({ rows: z.array(row), next: z.string().optional(), total: z.number().int() });

export const paging = {
  cursor: z.string().max(2000).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
};

export const many = <T extends string>(values: readonly [T, ...T[]]) =>
  z
    .preprocess(
      (input) => (typeof input === "string" ? input.split(",").filter((part) => part !== "") : input),
      z.array(z.enum(values)).max(20),
    )
    .optional();

export const yes = z
  .enum(["true", "false"])
  .transform((value) => value === "true")
  .optional();
