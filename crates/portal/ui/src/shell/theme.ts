import { effect, signal } from '@preact/signals';

/** Light and dark follow the system unless a person chose; the choice stays on this machine. */

export type Theme = 'system' | 'light' | 'dark';
const STORAGE_KEY = 'mizzen.theme';
const next: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };

function stored(): Theme {
  const text = localStorage.getItem(STORAGE_KEY);
  return text === 'light' || text === 'dark' ? text : 'system';
}

export const theme = signal<Theme>(stored());
const systemDark = window.matchMedia('(prefers-color-scheme: dark)');
const systemIsDark = signal(systemDark.matches);
systemDark.addEventListener('change', (event) => {
  systemIsDark.value = event.matches;
});

/** Whether dark is on screen: canvases read it to repaint. */
export function isDark(): boolean {
  return theme.value === 'system' ? systemIsDark.value : theme.value === 'dark';
}

export function setTheme(choice: Theme): void {
  theme.value = choice;
  if (choice === 'system') localStorage.removeItem(STORAGE_KEY);
  else localStorage.setItem(STORAGE_KEY, choice);
}

export function cycleTheme(): void {
  setTheme(next[theme.value]);
}

effect(() => {
  document.documentElement.dataset['theme'] = theme.value;
});
