/* One set of line icons, 24 by 24, drawn for this console. */
const PATHS = {
  home: 'M4 11.5 12 4.5l8 7M6 10v9h4.5v-5h3v5H18v-9',
  live: 'M3 12h4l3-7 4 14 3-7h4',
  person: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.5 20c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5',
  ask: 'M12 3.5 4.5 6.5v5c0 4.500 3 7.500 7.500 9 4.500-1.500 7.500-4.500 7.500-9v-5L12 3.500ZM9 12l2.200 2.200L15.200 10',
  purpose: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 16.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9ZM12 12h.01',
  consent: 'M7 3.500h10v17H7zM10 9l1.500 1.500L14.500 7.500M10 15h4.500',
  rights: 'M12 4v16M6 7h12M6 7l-3 7h6L6 7ZM18 7l-3 7h6l-3-7ZM8.500 20h7',
  send: 'M4 12h13M12 6l6 6-6 6M20.500 5v14',
  evidence: 'M6 4h9l4 4v12H6zM15 4v4h4M9 13h7M9 16.500h7',
  records: 'M5 4h14v16H5zM9 4v16M12 9h4M12 13h4',
  access: 'M8.500 14.500a4.500 4.500 0 1 1 4.200-6.200L20 8.300V12h-2.500v2.500h-3l-1.700-1.700a4.500 4.500 0 0 1-4.300 1.700Z',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM16 16l4.500 4.500',
  no: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM6 6l12 12',
  yes: 'M5 12.500 10 17.500 19.500 7',
  clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7v5.500l3.500 2',
  trim: 'M5 6h14M5 12h9M5 18h5',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM12 2.500V5M12 19v2.500M2.500 12H5M19 12h2.500M5.300 5.300 7 7M17 17l1.700 1.700M18.700 5.300 17 7M7 17l-1.700 1.700',
  moon: 'M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10Z',
  menu: 'M4 7h16M4 12h16M4 17h16',
  close: 'M6 6l12 12M18 6 6 18',
  out: 'M14 4H6v16h8M10 12h11M17.500 8.500 21 12l-3.500 3.500',
  lock: 'M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3',
  empty: 'M4 8l8-4 8 4v9l-8 4-8-4V8ZM4 8l8 4 8-4M12 12v9',
  alert: 'M12 4 3 19.500h18L12 4ZM12 10v4.500M12 17h.01',
  away: 'M4 9a12 12 0 0 1 16 0M7 12.500a7.500 7.500 0 0 1 10 0M10 16a3 3 0 0 1 4 0M12 19h.01M4 4l16 16',
  pause: 'M9 6v12M15 6v12',
  play: 'M8 5.500v13l10.500-6.500L8 5.500Z',
  right: 'M9 5.500 15.500 12 9 18.500',
  link: 'M10 14a4 4 0 0 0 6 .500l3-3a4 4 0 0 0-5.700-5.700L12 7M14 10a4 4 0 0 0-6-.500l-3 3a4 4 0 0 0 5.700 5.700L12 17',
  tour: 'M6 21V4M6 5h12l-2.500 4L18 13H6',
  print: 'M7 9V4h10v5M7 17H4.500V9h15v8H17M7 14h10v6H7z',
  up: 'M12 20V7M7 11l5-5 5 5',
  down: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  plus: 'M12 5v14M5 12h14',
  undo: 'M9 6 4.500 10.500 9 15M5 10.500h9a5 5 0 0 1 0 10h-3',
} as const;
export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.800" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
