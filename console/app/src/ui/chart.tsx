/* Lines over time (uPlot), in the colours of the light that is chosen; the table or figures beside a chart say the same in words. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clock, day, number, percent as share } from '../format';
import { light } from '../light';
import { language } from '../words';

export interface Line {
  label: string;
  color: string; // the name of a custom property
  fill?: boolean;
}

// seconds between two marks of time: never less than one
const STEPS = [1, 5, 15, 30, 60, 300, 900, 3600, 10_800, 21_600, 43_200, 86_400, 2 * 86_400, 4 * 86_400, 7 * 86_400, 14 * 86_400, 30 * 86_400, 90 * 86_400, 365 * 86_400];
const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** `seconds`: the time axis always shows so many, up to the newest. `percent`: the values are shares of a whole, 0 to 1. */
export function Chart({ data, lines, height = 180, label, seconds, percent }: { data: number[][]; lines: Line[]; height?: number; label: string; seconds?: number; percent?: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  const shape = lines.map((line) => line.label + line.color).join();
  useEffect(() => {
    const node = box.current!;
    const axis = { stroke: css('--ink-3'), grid: { stroke: css('--line'), width: 1 }, ticks: { show: false }, font: '11px system-ui, sans-serif' };
    plot.current = new uPlot({
      width: node.clientWidth || 600, height, padding: [10, 34, 0, 0], cursor: { points: { size: 6 } }, legend: { show: true, live: false },
      scales: { x: { time: true, ...(seconds ? { range: (_u: uPlot, _min: number, max: number): [number, number] => { const end = max ?? Date.now() / 1000; return [end - seconds, end]; } } : {}) }, y: { range: (_u, _min, max) => (percent ? [0, 1] : [0, Math.max(1, max * 1.1)]) } },
      axes: [{ ...axis, size: 30, space: 90, incrs: STEPS, values: (_u: uPlot, at: number[], _axis: number, _space: number, step: number) => at.map((s) => (step >= 86_400 ? day(s * 1000) : clock(s * 1000).slice(0, step >= 60 ? 5 : 8))) }, { ...axis, size: 44, values: (_u: uPlot, at: number[]) => at.map((v) => (percent ? share(v, 1) : Number.isInteger(v) ? number(v) : '')) }],
      series: [{}, ...lines.map((line) => ({ label: line.label, stroke: css(line.color), width: 2, fill: line.fill ? `${css(line.color)}22` : undefined, points: { show: false } }))],
    }, data as uPlot.AlignedData, node);
    const watch = new ResizeObserver(() => plot.current?.setSize({ width: node.clientWidth, height }));
    watch.observe(node);
    return () => {
      watch.disconnect();
      plot.current?.destroy();
    };
  }, [shape, light.value, language.value, height]);
  useEffect(() => plot.current?.setData(data as uPlot.AlignedData), [data]);
  return <div class="chart" ref={box} role="img" aria-label={label} />;
}
