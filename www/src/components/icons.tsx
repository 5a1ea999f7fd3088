import type { ComponentChildren } from 'preact';

// Each is drawn on a 20 × 20 grid with a line of 1.6.

export const SendIcon = () => icon(<path d="M10 16V4.5M4.8 9.5 10 4.3l5.2 5.2" />);
export const StopIcon = () =>
  icon(<rect x="5.5" y="5.5" width="9" height="9" rx="1.5" fill="currentColor" />);
export const NewIcon = () => icon(<path d="M10 4v12M4 10h12" />);
export const ChevronIcon = () => icon(<path d="m6 8 4 4 4-4" />, 16);
export const CopyIcon = () => icon(<path d="M7.5 7.5h8.5v8.5H7.5zM12.5 7.5V4H4v8.5h3.5" />, 16);
export const AgainIcon = () => icon(<path d="M15.5 10a5.5 5.5 0 1 1-1.7-4M15.7 3v3.5h-3.5" />, 16);
export const EditIcon = () =>
  icon(
    <path d="M4.5 15.5l.8-3.4 7.6-7.6a1.4 1.4 0 0 1 2 0l.6.6a1.4 1.4 0 0 1 0 2l-7.6 7.6ZM11.6 5.8l2.6 2.6" />,
    16,
  );
export const ThumbUpIcon = () =>
  icon(<path d="M4 9.2h2.6v7H4zM6.6 9.2 9.8 3.6c1.4 0 2 .9 1.7 2.2l-.6 2.6h4.2l1 1.3-1.3 6.5H6.6" />, 16);
export const ThumbDownIcon = () =>
  icon(<path d="M4 10.8h2.6v-7H4zM6.6 10.8l3.2 5.6c1.4 0 2-.9 1.7-2.2l-.6-2.6h4.2l1-1.3-1.3-6.5H6.6" />, 16);
export const ShowIcon = () =>
  icon(
    <path d="M2.5 10s2.7-4.8 7.5-4.8 7.5 4.8 7.5 4.8-2.7 4.8-7.5 4.8S2.5 10 2.5 10ZM10 12.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4Z" />,
    16,
  );
export const HideIcon = () =>
  icon(
    <path d="M8.2 5.4A7.6 7.6 0 0 1 10 5.2c4.8 0 7.5 4.8 7.5 4.8a13 13 0 0 1-2 2.6M5 6.7A13.5 13.5 0 0 0 2.5 10s2.7 4.8 7.5 4.8a7.4 7.4 0 0 0 3.2-.7M3.5 3.5l13 13" />,
    16,
  );
export const LockIcon = () => icon(<path d="M5 9h10v7.5H5zM7 9V6.5a3 3 0 0 1 6 0V9" />, 16);
export const SunIcon = () =>
  icon(
    <path d="M10 13.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4ZM10 2.5v1.7M10 15.8v1.7M2.5 10h1.7M15.8 10h1.7M4.7 4.7l1.2 1.2M14.1 14.1l1.2 1.2M4.7 15.3l1.2-1.2M14.1 5.9l1.2-1.2" />,
  );
export const MoonIcon = () => icon(<path d="M16 11.7A6.3 6.3 0 0 1 8.3 4a6.3 6.3 0 1 0 7.7 7.7Z" />);

function icon(shape: ComponentChildren, size = 20) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {shape}
    </svg>
  );
}
