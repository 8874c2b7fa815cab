import { AppError } from "@provost/shared/lib/app-error.ts";
import { manualPage } from "@provost/shared/lib/manual-page.ts";
import { shellCompletion, shells } from "@provost/shared/lib/shell-completion.ts";
import { productVersion } from "@provost/shared/protocol/version.ts";
import type { Command } from "./command.ts";
import { commandTable, exitHelp } from "./table.ts";

export const manual: Command = () => {
  process.stdout.write(
    manualPage(
      "provost-server",
      productVersion,
      commandTable,
      `${exitHelp}\n/etc/provost/server.conf holds the settings, /var/lib/provost-server the data.`,
    ),
  );
  return 0;
};

export const completion: Command = ([asked = "bash"]) => {
  const shell = shells.find((one) => one === asked);
  if (shell === undefined) throw new AppError("CONFIG_INVALID", `completion: wanted ${shells.join(", ")}`);
  process.stdout.write(shellCompletion(shell, "provost-server", commandTable));
  return 0;
};
