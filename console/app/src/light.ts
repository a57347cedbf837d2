/* Light and dark: as the system is, until somebody chooses. */
import { signal } from '@preact/signals';

export type Light = 'light' | 'dark';
const system = window.matchMedia('(prefers-color-scheme: dark)');
const chosen = (): Light | null => {
  const kept = localStorage.getItem('light');
  return kept === 'light' || kept === 'dark' ? kept : null;
};
export const light = signal<Light>('light');

function follow(): void {
  light.value = chosen() ?? (system.matches ? 'dark' : 'light');
  document.documentElement.dataset.theme = light.value;
}

export function start_light(): void {
  follow();
  system.addEventListener('change', follow);
}

export function switch_light(): void {
  localStorage.setItem('light', light.value === 'dark' ? 'light' : 'dark');
  follow();
}
