import type { Handler } from "./handler.ts";

export const session: Handler<"session"> = ({ session: { user, role, csrf, at } }) => ({
  user,
  role,
  csrf,
  signedInAt: at,
});

export const signOut: Handler<"signOut"> = ({ secret, parts }) => {
  parts.store.access.endSession(secret);
  return {};
};
