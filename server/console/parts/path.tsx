import { splitPath, visible } from "./visible-text.ts";

/** A path on one line: the name is kept whole as long as it fits, the folder gives way first. */
export function Path(props: {
  readonly path: string;
  readonly root?: string;
  readonly href?: string;
  /** Inside something that has its own tab stop: reached by that one's keys. */
  readonly inner?: boolean;
  /** The link's target is the whole row. */
  readonly covers?: boolean;
}) {
  const { path, root = "", href, inner = false, covers = false } = props;
  const { folder, name } = splitPath(path);
  const words = (
    <>
      {root === "" ? undefined : (
        <span
          className="mr-1.5 max-w-32 shrink-0 truncate rounded bg-sunken px-1 text-xs text-soft"
          title={`Inside ${visible(root)}`}
        >
          in {rootName(root)}
        </span>
      )}
      <span className="min-w-0 shrink-[999] truncate text-soft">{folder}</span>
      <span className="max-w-full min-w-0 truncate font-medium">{name}</span>
    </>
  );
  const shape = "flex min-w-0 items-baseline font-mono text-xs";
  const title = visible(path).slice(0, 1000);
  if (href === undefined)
    return (
      <span className={shape} title={title}>
        {words}
      </span>
    );
  return (
    <a
      href={href}
      title={title}
      tabIndex={inner ? -1 : undefined}
      className={`${shape} hover:underline ${covers ? "covers-row" : ""}`}
    >
      {words}
    </a>
  );
}

/** The last two folders: a container's root ends in "merged" or "rootfs", which alone says nothing. */
const rootName = (root: string): string => visible(root).split("/").slice(-2).join("/");
