import { X } from "lucide-react";
import { useEffect, useId, useRef, type ReactNode } from "react";

/**
 * A dialog or a drawer. The browser's own <dialog> keeps focus inside, gives it back, closes on Escape and makes the
 * rest inert, without a style sheet injected past the content security policy.
 */
export function Modal(props: {
  readonly title: string;
  readonly note?: ReactNode;
  readonly shape: "dialog" | "drawer";
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const box = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = box.current;
    if (dialog?.open === false) dialog.showModal();
  }, []);
  return (
    <dialog
      ref={box}
      aria-labelledby={heading}
      closedby="any"
      onClose={props.onClose}
      className={`bg-raised text-ink shadow-lift ${shapes[props.shape]}`}
    >
      <header className="flex items-start justify-between gap-4 border-b px-5 pt-4 pb-3">
        <div className="min-w-0">
          <h2 id={heading} className="text-lg font-semibold wrap-anywhere">
            {props.title}
          </h2>
          {props.note === undefined ? undefined : <p className="text-sm text-soft">{props.note}</p>}
        </div>
        <button
          type="button"
          aria-label="Close"
          className="grid size-8 shrink-0 place-items-center rounded-md hover:bg-sunken"
          onClick={() => box.current?.close()}
        >
          <X size={17} aria-hidden="true" />
        </button>
      </header>
      {props.children}
    </dialog>
  );
}

const shapes = {
  dialog: "m-auto w-[min(38rem,calc(100vw-2rem))] rounded-xl border open:flex open:flex-col max-h-[85dvh]",
  drawer: "mr-0 ml-auto my-0 h-dvh max-h-none w-[min(46rem,100vw)] max-w-none border-l open:flex open:flex-col",
} as const;
