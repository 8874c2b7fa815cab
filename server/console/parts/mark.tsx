/** The sign of the product: a seal with a key. */
export function Mark() {
  return (
    <svg width="26" height="26" viewBox="0 0 32 32" fill="none" aria-hidden="true" className="shrink-0">
      <rect width="32" height="32" rx="8" className="fill-accent" />
      <g className="stroke-on-accent" strokeWidth="2.6" strokeLinecap="round">
        <circle cx="16" cy="12" r="5.2" />
        <path d="M16 17.4v8M16 24.8h4.4M16 21.2h3" />
      </g>
    </svg>
  );
}
