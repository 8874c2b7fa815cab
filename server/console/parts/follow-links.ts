/**
 * Every link is a plain anchor. A plain click on one that stays in the console changes the page without loading it
 * anew; everything else (new tab, download, another origin, the API) is the browser's.
 */
export function followLinks(page: Document, go: (href: string) => void): () => void {
  const onClick = (event: MouseEvent): void => {
    const href = innerHref(event, page.location.origin);
    if (href === undefined) return;
    event.preventDefault();
    go(href);
  };
  page.addEventListener("click", onClick);
  return () => page.removeEventListener("click", onClick);
}

/** The parts of a click that decide whose it is. */
export interface Click {
  readonly button: number;
  readonly defaultPrevented: boolean;
  readonly metaKey: boolean;
  readonly ctrlKey: boolean;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
  readonly target: unknown;
}

function innerHref(event: Click, origin: string): string | undefined {
  if (event.button !== 0 || event.defaultPrevented) return undefined;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return undefined;
  const anchor = event.target instanceof Element ? event.target.closest("a") : null;
  if (anchor === null || anchor.hasAttribute("download") || anchor.target !== "") return undefined;
  return pageOf(anchor.href, origin);
}

/** The address inside the console, or undefined where the server itself must answer. */
export function pageOf(href: string, origin: string): string | undefined {
  const url = URL.parse(href);
  if (url === null || url.origin !== origin) return undefined;
  if (/^\/(api|sign-in|assets)(\/|$)/.test(url.pathname)) return undefined;
  return url.pathname + url.search + url.hash;
}
