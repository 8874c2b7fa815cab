import type { Handler } from "./handler.ts";

export const session: Handler<"session"> = ({ session: { user, role, csrf, at } }) => ({
  user,
  role,
  csrf,
  signedInAt: at,
});

export const signOut: Handler<"signOut"> = ({ secret, session: { user }, parts }) => {
  parts.store.inventory.transaction(() => {
    parts.store.access.endSession(secret);
    parts.audit.note("sign-in", user, "Signed out");
  });
  return {};
};
