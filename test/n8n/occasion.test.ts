import type { IPollFunctions, ITriggerFunctions } from 'n8n-workflow';
import { occasionOfPoll, occasionOfTrigger, pollBudgetMs } from '../../nodes/shared/n8n/occasion';

const context = (over: object) =>
	({ getMode: () => 'trigger', ...over }) as unknown as IPollFunctions & ITriggerFunctions;
const activated = (mode: string) => context({ getActivationMode: () => mode });

describe('why n8n runs a trigger', () => {
	it.each([
		['activate', 'publish'],
		['update', 'publish'],
		['init', 'start'],
		['leadershipChange', 'start'],
		['create', 'start'],
	])('is told by the activation mode %s, for the first poll alone', (mode, occasion) => {
		const given = activated(mode);
		expect(occasionOfTrigger(given)).toBe(occasion);
		expect(occasionOfPoll(given)).toBe(occasion);
		expect(occasionOfPoll(given)).toBe('schedule');
		expect(occasionOfPoll(activated(mode))).toBe(occasion);
	});

	it('is its own start where an n8n does not tell', () => {
		expect(occasionOfPoll(context({}))).toBe('start');
		expect(occasionOfTrigger(context({}))).toBe('start');
	});

	it('is a test in the editor', () => {
		const manual = context({ getMode: () => 'manual', getActivationMode: () => 'activate' });
		expect([occasionOfPoll(manual), occasionOfPoll(manual)]).toEqual(['test', 'test']);
		expect(occasionOfTrigger(manual)).toBe('test');
	});

	it('is the schedule for each poll of the durable scheduler, which has a context and a limit of its own', () => {
		const polled = context({ getActivationMode: () => 'update', getPollBudgetMs: () => 36_000 });
		expect(occasionOfPoll(polled)).toBe('schedule');
		expect(pollBudgetMs(polled)).toBe(36_000);
		const first = context({ getActivationMode: () => 'update', getPollBudgetMs: () => 300_000 });
		expect(occasionOfPoll(first)).toBe('publish');
		expect(pollBudgetMs(context({}))).toBe(300_000);
	});
});
