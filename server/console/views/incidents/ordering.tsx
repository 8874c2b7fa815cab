import { useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { OrderDialog, type NewOrder } from "./order-dialog.tsx";

/** An order is asked for on a page, read in a dialog, and followed in the page's list of orders. */
export function useOrdering(): { readonly ask: (order: NewOrder) => void; readonly dialog: ReactNode } {
  const [order, ask] = useState<NewOrder>();
  const client = useQueryClient();
  return {
    ask,
    dialog:
      order === undefined ? undefined : (
        <OrderDialog
          order={order}
          onClose={() => ask(undefined)}
          onGiven={() => void client.invalidateQueries({ queryKey: ["commands"] })}
        />
      ),
  };
}
