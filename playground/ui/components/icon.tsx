// Icons, drawn for this page: 16 by 16, in the colour of the text.

const PATHS = {
  brand: (
    <>
      <rect x="1" y="1" width="14" height="14" rx="4" fill="var(--accent)" />
      <path d="M4 5.5h8M4 8h5.5M4 10.5h7" stroke="var(--on-accent)" stroke-width="1.6" stroke-linecap="round" />
    </>
  ),
  sun: (
    <path
      d="M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6ZM8 1v1.8M8 13.2V15M1 8h1.8M13.2 8H15M3 3l1.3 1.3M11.7 11.7 13 13M3 13l1.3-1.3M11.7 4.3 13 3"
      class="line"
    />
  ),
  moon: <path d="M13.4 9.8A5.8 5.8 0 0 1 6.2 2.6a5.8 5.8 0 1 0 7.2 7.2Z" class="line" />,
  "circle-half": (
    <>
      <circle cx="8" cy="8" r="5.8" class="line" />
      <path d="M8 2.2a5.8 5.8 0 0 1 0 11.6Z" fill="currentColor" />
    </>
  ),
  link: (
    <path
      d="M6.6 9.4a2.7 2.7 0 0 0 3.8 0l2.3-2.3a2.7 2.7 0 0 0-3.8-3.8l-.9.9M9.4 6.6a2.7 2.7 0 0 0-3.8 0L3.3 8.9a2.7 2.7 0 0 0 3.8 3.8l.9-.9"
      class="line"
    />
  ),
  check: <path d="m3 8.5 3.2 3.2L13 4.8" class="line" />,
  compass: (
    <>
      <circle cx="8" cy="8" r="6.2" class="line" />
      <path d="m10.6 5.4-1.5 3.7-3.7 1.5 1.5-3.7 3.7-1.5Z" class="line" />
    </>
  ),
  play: <path d="M5 3.2v9.6L12.6 8 5 3.2Z" fill="currentColor" />,
  stop: <rect x="4" y="4" width="8" height="8" rx="1.5" fill="currentColor" />,
  plus: <path d="M8 3v10M3 8h10" class="line" />,
  close: <path d="m4 4 8 8M12 4l-8 8" class="line" />,
  copy: (
    <>
      <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" class="line" />
      <path d="M10.5 3.4A1.5 1.5 0 0 0 9.3 2.5H4A1.5 1.5 0 0 0 2.5 4v5.3c0 .6.4 1.1.9 1.2" class="line" />
    </>
  ),
  download: <path d="M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 13h10" class="line" />,
  upload: <path d="M8 10V2.5M4.8 5.5 8 2.3l3.2 3.2M3 13h10" class="line" />,
  refresh: <path d="M13 8a5 5 0 1 1-1.5-3.6M13 2.5v3h-3" class="line" />,
  trash: <path d="M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5" class="line" />,
  "arrow-right": <path d="M2.5 8h11M9.5 4l4 4-4 4" class="line" />,
  "arrow-left": <path d="M13.5 8h-11M6.5 4l-4 4 4 4" class="line" />,
  "arrow-down": <path d="M8 2.5v11M4 9.5l4 4 4-4" class="line" />,
  chevron: <path d="m6 3.5 4.5 4.5L6 12.5" class="line" />,
  pause: <path d="M5.5 3.5v9M10.5 3.5v9" class="line" />,
} as const;

export type IconName = keyof typeof PATHS;

/** Decoration: the text beside it, seen or not, names what it does. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      {PATHS[name]}
    </svg>
  );
}
