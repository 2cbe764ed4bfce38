import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { isDark } from '../shell/theme';

/** What all charts share: a canvas that follows its box, the theme and its numbers, and what it says at the pointer. */

interface PlotProps {
  label: string;
  class: string;
  height: number;
  /** All that is drawn: another value draws the chart anew. */
  drawn: unknown[];
  data: uPlot.AlignedData;
  options: (style: Style) => Omit<uPlot.Options, 'width' | 'height'>;
}

export interface Style {
  /** A custom property as the browser resolves it. */
  colour: (name: string) => string;
  font: string;
  axis: Pick<uPlot.Axis, 'stroke' | 'font' | 'ticks'>;
}

/** A chart is a picture to a screen reader; its table twin says the numbers. */
export function Plot({ label, class: name, height, drawn, data, options }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const dark = isDark();
  useEffect(() => {
    const host = box.current;
    if (!host) return;
    const common = { width: host.clientWidth, height, legend: { show: false } };
    const plot = new uPlot({ ...common, ...options(styleOf(host)) }, data, host);
    const watcher = new ResizeObserver(() => plot.setSize({ width: host.clientWidth, height }));
    watcher.observe(host);
    return () => {
      watcher.disconnect();
      plot.destroy();
    };
  }, [dark, label, JSON.stringify(drawn)]);
  return <div class={name} ref={box} role="img" aria-label={label} />;
}

function styleOf(host: HTMLElement): Style {
  const colour = (name: string): string => resolved(host, name);
  const font = `11px ${getComputedStyle(host).fontFamily}`;
  return { colour, font, axis: { stroke: colour('--text-2'), font, ticks: { show: false } } };
}

/** `light-dark()` is nothing a canvas understands. */
function resolved(host: HTMLElement, name: string): string {
  const before = host.style.color;
  host.style.color = `var(${name})`;
  const colour = getComputedStyle(host).color;
  host.style.color = before;
  return colour;
}

/** What `say` makes of the index under the pointer, beside it and within the chart. */
export function readout(say: (index: number) => string): uPlot.Plugin {
  const tip = document.createElement('div');
  tip.className = 'chart-tip';
  tip.hidden = true;
  const show = (plot: uPlot): void => {
    const index = plot.cursor.idx;
    const left = plot.cursor.left ?? -1;
    tip.hidden = index === null || index === undefined || left < 0;
    if (tip.hidden || index === null || index === undefined) return;
    tip.textContent = say(index);
    tip.style.transform = `translateX(${Math.max(0, Math.min(left, plot.over.clientWidth - tip.offsetWidth))}px)`;
  };
  return { hooks: { init: (plot) => void plot.over.append(tip), setCursor: show } };
}
