import { LoaderCircle, Plus } from "lucide-react";
import { useEffect } from "react";

/** Nobody is enrolled: says what to do, waits, and brings the device in by itself. */
export function FirstDevice(props: {
  /** Absent: whoever looks may not. */
  readonly add?: () => void;
  readonly arrived: boolean;
  readonly show: () => void;
}) {
  const { add, arrived, show } = props;
  useEffect(() => {
    // There are no rows yet that could move under a cursor.
    if (arrived) show();
  }, [arrived, show]);
  return (
    <div className="panel flex flex-col items-center gap-3 px-6 py-14 text-center">
      <p className="text-lg font-semibold">No device yet</p>
      <p className="max-w-prose text-sm text-soft">
        One line, pasted on the machine you want to see, enrols it. Its programs appear here within a minute.
      </p>
      {add === undefined ? undefined : (
        <button type="button" className="button button-primary" onClick={add}>
          <Plus size={15} aria-hidden="true" />
          Add the first device
        </button>
      )}
      <output className="mt-2 flex items-center gap-2 text-sm text-soft">
        <LoaderCircle size={15} aria-hidden="true" className="animate-spin" />
        Waiting for the first device. This page fills by itself.
      </output>
    </div>
  );
}
