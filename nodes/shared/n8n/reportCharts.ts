/** Charts as inline SVG: no script, no font, no image from elsewhere. Colours are classes of the page's style. */

const WIDTH = 640;
const HEIGHT = 210;
const LEFT = 46;
const RIGHT = 8;
const TOP = 10;
const BOTTOM = 24;
const PLOT_WIDTH = WIDTH - LEFT - RIGHT;
const PLOT_HEIGHT = HEIGHT - TOP - BOTTOM;
const GRID_LINES = 4;

export interface Series {
	name: string;
	/** A class of the page's style that sets `--color`. */
	color: string;
	/** One for each step; null where there is nothing to show. */
	values: readonly (number | null)[];
}

export interface Chart {
	title: string;
	/** What the numbers are, for those who hear the page. */
	description: string;
	series: readonly Series[];
	/** Begin of each step, ready to be read. */
	times: readonly string[];
	/** Steps that get their time written below. */
	marks: readonly number[];
	format: (value: number) => string;
	/** The scale never ends below this. */
	least: number;
}

/** Values of one step stand on each other. */
export function stackedBars(chart: Chart): string {
	const { series, times, format } = chart;
	const totals = times.map((_, step) => sumAt(series, step));
	const top = niceTop(Math.max(chart.least, ...totals));
	const stepWidth = PLOT_WIDTH / times.length;
	const bars = times.map((time, step) => {
		let below = 0;
		const parts = series.map(({ color, values }) => {
			const value = values[step] ?? 0;
			if (value === 0) return '';
			const height = (value / top) * PLOT_HEIGHT;
			below += height;
			const place = `x="${at(LEFT + step * stepWidth + 1)}" y="${at(TOP + PLOT_HEIGHT - below)}"`;
			return `<rect class="${color}" ${place} width="${at(stepWidth - 2)}" height="${at(height)}"/>`;
		});
		const told = series
			.filter(({ values }) => (values[step] ?? 0) > 0)
			.map(({ name, values }) => `${name}: ${format(values[step] ?? 0)}`);
		return told.length === 0 ? '' : `<g>${tooltip(time, told)}${parts.join('')}</g>`;
	});
	return figure(
		chart,
		top,
		bars.join(''),
		totals.every((total) => total === 0),
	);
}

/** A line for each series; a step without a value interrupts it. */
export function lines(chart: Chart): string {
	const { series, times, format } = chart;
	const known = series.flatMap(({ values }) => values.filter((value) => value !== null));
	const top = niceTop(Math.max(chart.least, ...known));
	const x = (step: number) => LEFT + ((step + 0.5) * PLOT_WIDTH) / times.length;
	const y = (value: number) => TOP + PLOT_HEIGHT * (1 - value / top);
	const drawn = series.map(({ name, color, values }) => {
		let pen = 'M';
		const path: string[] = [];
		const points: string[] = [];
		for (const [step, value] of values.entries()) {
			if (value === null) {
				pen = 'M';
				continue;
			}
			path.push(`${pen}${at(x(step))} ${at(y(value))}`);
			pen = 'L';
			const told = tooltip(times[step] ?? '', [`${name}: ${format(value)}`]);
			points.push(`<circle cx="${at(x(step))}" cy="${at(y(value))}" r="2.5">${told}</circle>`);
		}
		return `<g class="line ${color}"><path d="${path.join('')}"/>${points.join('')}</g>`;
	});
	return figure(chart, top, drawn.join(''), known.length === 0);
}

function figure(
	{ title, description, series, times, marks, format }: Chart,
	top: number,
	content: string,
	isEmpty: boolean,
): string {
	const grid = Array.from({ length: GRID_LINES + 1 }, (_, line) => {
		const y = at(TOP + (PLOT_HEIGHT * line) / GRID_LINES);
		const label = format(top * (1 - line / GRID_LINES));
		return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}"/><text x="${LEFT - 6}" y="${y}" dy="0.32em" text-anchor="end">${escapeHtml(label)}</text>`;
	});
	const below = marks.map((step) => {
		const x = at(LEFT + (step * PLOT_WIDTH) / times.length);
		return `<text x="${x}" y="${HEIGHT - 6}" text-anchor="middle">${escapeHtml(times[step] ?? '')}</text>`;
	});
	const note = isEmpty
		? `<text class="note" x="${LEFT + PLOT_WIDTH / 2}" y="${TOP + PLOT_HEIGHT / 2}" text-anchor="middle">Nothing in the last 24 hours</text>`
		: '';
	const legend = series.map(
		({ name, color }) => `<li><span class="${color}"></span>${escapeHtml(name)}</li>`,
	);
	return `<figure>
<figcaption>${escapeHtml(title)}</figcaption>
<ul class="legend">${legend.join('')}</ul>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(description)}"><g class="grid">${grid.join('')}${below.join('')}</g>${content}${note}</svg>
</figure>`;
}

function tooltip(time: string, told: readonly string[]): string {
	return `<title>${escapeHtml([time, ...told].join('\n'))}</title>`;
}

function sumAt(series: readonly Series[], step: number): number {
	return series.reduce((total, { values }) => total + (values[step] ?? 0), 0);
}

/** The next 1, 2, 4 or 8 times a power of ten: it divides well by the grid lines. */
function niceTop(value: number): number {
	const power = 10 ** Math.floor(Math.log10(value));
	const factor =
		[1, 2, 4, 8, 10].find((candidate) => candidate * power >= value * (1 - 1e-9)) ?? 10;
	return factor * power;
}

/** A coordinate: a tenth of a pixel is fine enough, and keeps the page small. */
function at(value: number): string {
	return String(Math.round(value * 10) / 10);
}

export function escapeHtml(text: string): string {
	const entities: Record<string, string> = {
		'&': '&amp;',
		'<': '&lt;',
		'>': '&gt;',
		'"': '&quot;',
		"'": '&#39;',
	};
	return text.replace(/[&<>"']/g, (character) => entities[character] as string);
}
