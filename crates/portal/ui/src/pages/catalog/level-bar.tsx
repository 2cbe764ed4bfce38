import type { LevelCounts } from '../../api/catalog';
import { levelWord, LEVELS } from '../../format/catalog';
import { exact } from '../../format/number';

/** How many agents are on which level; in words, for a bar of four tones tells too little. */
export function LevelBar({ levels }: { levels: LevelCounts }) {
  const parts = [
    ['not known', levels.none] as const,
    ...LEVELS.map((level) => [levelWord[level].toLowerCase(), levels[level]] as const),
  ].filter(([, count]) => count > 0);
  return <>{parts.map(([word, count]) => `${exact(count)} ${word}`).join(' · ') || '–'}</>;
}
