import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { METRICS } from '../../nodes/shared/n8n/prometheus';

const TOP = join(__dirname, '../..');
const rules = readFileSync(join(TOP, 'ops/prometheus/rules.yml'), 'utf8');
const dashboard = JSON.parse(readFileSync(join(TOP, 'ops/grafana/dashboard.json'), 'utf8')) as {
	panels: { title: string; targets: { expr: string }[] }[];
};
const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

/** What Prometheus makes of a histogram. */
const base = (name: string) => name.replace(/_(bucket|sum|count)$/, '');

describe.each([
	['rules.yml', [rules]],
	['dashboard.json', queries],
])('%s', (_, texts) => {
	it('reads only metrics that are there', () => {
		// A recorded series has a colon before its name.
		const named = texts.flatMap((text) => text.match(/(?<![:\w])tiklive_\w+/g) ?? []);
		expect(named.length).toBeGreaterThan(8);
		const known = Object.keys(METRICS);
		expect([...new Set(named.map(base))].filter((name) => !known.includes(name))).toEqual([]);
	});

	it('selects only labels and values that are there', () => {
		for (const text of texts) {
			for (const [, name = '', selector = ''] of text.matchAll(/(tiklive_\w+)\{([^}]*)\}/g)) {
				const { labels } = METRICS[base(name) as keyof typeof METRICS];
				for (const [, label = '', value = ''] of selector.matchAll(/(\w+)(?:=~|!=|=)"([^"]*)"/g)) {
					if (label === 'job') continue;
					const values = (labels as Record<string, readonly string[]>)[label];
					expect({ label, values: value.split('|') }).toEqual({
						label,
						values: value.split('|').filter((one) => values?.includes(one)),
					});
				}
			}
		}
	});
});

it('every metric is on the dashboard', () => {
	const shown = queries.join('\n');
	expect(Object.keys(METRICS).filter((name) => !shown.includes(name))).toEqual([]);
});

it('every alert that is recorded upon reads a series that is recorded', () => {
	const recorded = [...rules.matchAll(/record: (\S+)/g)].map(([, name]) => name);
	const read = rules.match(/(?<=expr: )job\w*:\S+/g) ?? [];
	expect(read.length).toBeGreaterThan(0);
	expect(read.filter((name) => !recorded.includes(name))).toEqual([]);
});
