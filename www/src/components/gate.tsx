/** The mark: a tidal gate. Closed, nothing passes; open, water runs under it. */
export function Gate({ open, size = 20 }: { open: boolean; size?: number }) {
  return (
    <svg
      class={open ? 'gate open' : 'gate'}
      width={size}
      height={size}
      viewBox="0 0 32 32"
      aria-hidden="true"
    >
      <rect x="3" y="3" width="4" height="26" rx="1.4" fill="currentColor" />
      <rect x="25" y="3" width="4" height="26" rx="1.4" fill="currentColor" />
      <rect class="panel" x="9.5" y="3" width="13" height="10" rx="1.4" fill="currentColor" />
      <path
        class="water"
        d="M9.5 20.2c2.2-2.3 4.3-2.3 6.5 0s4.3 2.3 6.5 0M9.5 26.6c2.2-2.3 4.3-2.3 6.5 0s4.3 2.3 6.5 0"
        fill="none"
        stroke-width="2.6"
        stroke-linecap="round"
      />
    </svg>
  );
}
