/* Lines over time (uPlot), in the colours of the light that is chosen; the table or figures beside a chart say the same in words. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clock, day } from '../format';
import { light } from '../light';
import { language } from '../words';

export interface Line {
  label: string;
  color: string; // the name of a custom property
  fill?: boolean;
}

const css = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function Chart({ data, lines, height = 180, label }: { data: number[][]; lines: Line[]; height?: number; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>();
  const shape = lines.map((line) => line.label + line.color).join();
  useEffect(() => {
    const node = box.current!;
    const axis = { stroke: css('--ink-3'), grid: { stroke: css('--line'), width: 1 }, ticks: { show: false }, font: '11px system-ui, sans-serif' };
    plot.current = new uPlot({
      width: node.clientWidth || 600, height, cursor: { points: { size: 6 } }, legend: { show: true, live: false },
      scales: { x: { time: true }, y: { range: (_u, _min, max) => [0, Math.max(1, max * 1.1)] } },
      axes: [{ ...axis, size: 30, space: 70, values: (_u: uPlot, at: number[], _axis: number, _space: number, step: number) => at.map((s) => (step >= 86_400 ? day(s * 1000) : clock(s * 1000).slice(0, step >= 60 ? 5 : 8))) }, { ...axis, size: 44 }],
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
