import type { WriteStream } from "node:tty";

/** Progress for a person: one line that renews itself on a terminal, nothing elsewhere; plain lines everywhere. */
export function openScreen(stream: NodeJS.WriteStream | WriteStream) {
  const live = stream.isTTY;
  let shown = false;
  const wipe = (): void => {
    if (shown) stream.write("\r\u001b[2K");
    shown = false;
  };
  return {
    line(text: string): void {
      wipe();
      stream.write(`${text}\n`);
    },
    progress(text: string): void {
      if (!live) return;
      wipe();
      stream.write(text.slice(0, Math.max(20, (stream.columns ?? 80) - 1)));
      shown = true;
    },
    close: wipe,
  };
}
