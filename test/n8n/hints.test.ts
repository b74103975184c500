import { CallFailure, type CallAnswer } from '../../nodes/shared/api';
import { RunReport } from '../../nodes/shared/n8n/hints';

function answer(source: CallAnswer['source'], attempts = 0, credits = 0): CallAnswer {
	return { body: {}, source, fetchedAtMs: 0, attempts, credits };
}

function texts(report: RunReport): string[] {
	return report.hints().map(({ message }) => message);
}

describe('RunReport', () => {
	it('counts credits, stored answers, pages and retries of good and failed calls', () => {
		const report = new RunReport();
		report.answered(answer('network', 3, 2));
		report.answered(answer('network', 1, 1));
		report.answered(answer('cache'));
		report.answered(answer('shared'));
		report.failed(new CallFailure({ kind: 'timeout', detail: '', timeoutMs: 1 }, 6, 6));
		report.failed(new CallFailure({ kind: 'circuit-open', detail: '', reopensInMs: 1 }));
		report.listRead(0, 4, 'end');
		report.listRead(1, 1, 'limit');
		report.listRead(2, 1, 'older');
		expect(report.hints()).toEqual([
			{
				message: 'Credits spent: 9, free stored answers: 2, pages: 6, retries: 7',
				type: 'info',
				location: 'outputPane',
			},
		]);
	});

	it('warns of what is missing or old', () => {
		const report = new RunReport();
		report.answered(answer('stale'));
		report.answered(answer('stale'));
		for (const item of [9, 1, 2, 3, 4, 5, 6]) report.listRead(item, 1, 'max-pages');
		report.listRead(7, 1, 'nothing-new');
		report.unfinished(1);
		expect(report.hints().map(({ type }) => type)).toEqual([
			'info',
			'warning',
			'warning',
			'warning',
			'warning',
		]);
		expect(texts(report).slice(1)).toEqual([
			'Cancelled with 1 item left to do',
			expect.stringMatching(/the list of item 1, 2, 3, 4, 5 and 2 more\./),
			expect.stringMatching(/more for item 7, but gave nothing new/),
			expect.stringMatching(/used 2 times/),
		]);
	});

	it('tells of five lists that came back empty, and how many more there are', () => {
		const report = new RunReport();
		for (let list = 1; list <= 7; list++) report.emptyList(`doubt ${list}`);
		expect(texts(report).slice(1)).toEqual([
			...[1, 2, 3, 4, 5].map((list) => `doubt ${list}`),
			'The same with 2 more lists',
		]);
	});

	it.each(['no-cursor', 'repeated-cursor', 'empty-pages', 'nothing-new'] as const)(
		'tells that a list ended with %s',
		(stop) => {
			const report = new RunReport();
			report.listRead(0, 1, stop);
			expect(texts(report)).toHaveLength(2);
		},
	);
});
