import {
	ExpressionError,
	NodeApiError,
	NodeOperationError,
	type INode,
	type NodeError,
} from 'n8n-workflow';
import {
	CallFailure,
	InvalidInput,
	ListInterrupted,
	type Failure,
	type FailureKind,
} from '../../nodes/shared/api';
import { toNodeError } from '../../nodes/shared/n8n/errors';

const KEY = 'canary-5f1d2c';
const NODE = { name: 'User Info', type: 'x', parameters: {} } as unknown as INode;
const PLACE = { node: NODE, itemIndex: 3, apiKey: KEY };

function convert(error: unknown) {
	return toNodeError(error, PLACE);
}

/** One of each kind, with what n8n is told about it. */
const FAILURES: {
	readonly [K in FailureKind]: [Omit<Failure & { kind: K }, 'kind' | 'detail'>, unknown];
} = {
	'invalid-key': [{}, { cause: 'credential-invalid' }],
	'out-of-credits': [{}, { cause: 'quota-exhausted' }],
	'not-found': [{}, { cause: 'configuration-invalid' }],
	private: [{}, { cause: 'configuration-invalid' }],
	rejected: [{ status: 422 }, { cause: 'configuration-invalid' }],
	'rate-limited': [{ retryAfterMs: 1500.4 }, { cause: 'rate-limited', retryAfterMs: 1501 }],
	'server-error': [{ status: 503 }, { cause: 'temporarily-unavailable' }],
	network: [{ code: 'ECONNRESET' }, { cause: 'temporarily-unavailable' }],
	unreachable: [
		{ code: 'CERT_HAS_EXPIRED', cure: 'Renew the certificate.' },
		{ cause: 'temporarily-unavailable' },
	],
	intercepted: [{ status: 403 }, { cause: 'temporarily-unavailable' }],
	timeout: [{ timeoutMs: 30_000 }, { cause: 'temporarily-unavailable' }],
	'unreadable-body': [{}, { cause: 'temporarily-unavailable' }],
	'unexpected-body': [{}, { cause: 'temporarily-unavailable' }],
	'circuit-open': [
		{ reopensInMs: 24_100.5 },
		{ cause: 'temporarily-unavailable', retryAfterMs: 24_101 },
	],
	'budget-exhausted': [
		{ resetsAtMs: Date.UTC(2026, 0, 16) },
		{ cause: 'quota-exhausted', resetsAtEpochMs: Date.UTC(2026, 0, 16) },
	],
	cancelled: [{}, { cause: 'temporarily-unavailable' }],
};

describe.each(Object.entries(FAILURES))(
	'a call that failed with %s',
	(kind, [fields, declared]) => {
		// Words for which n8n puts in a text of its own, and a key that the API quotes.
		const detail = `read ECONNRESET EPERM ENOENT for ${KEY}`;
		const failure = { kind, detail, ...fields } as Failure;
		const error = convert(new CallFailure(failure, 6, 2));

		it('is an error of the API at its item, declared to n8n', () => {
			expect(error).toBeInstanceOf(NodeApiError);
			expect(error.context['itemIndex']).toBe(3);
			expect(error.failure).toEqual(declared);
		});

		it('says what happened in one line', () => {
			expect(error.message).toMatch(/^[A-Z][^\n]* \[item 3\]$/);
			expect(error.message).not.toMatch(/ECONNRESET|EPERM|perhaps|permission/);
		});

		it('says what to do, what came back and what it cost', () => {
			expect(error.description).toContain('read ECONNRESET EPERM ENOENT for ***.');
			expect(error.description).toMatch(/Requests sent: 6, credits spent: 2\.$/);
		});

		it('never holds the key', () => {
			const { message, description, stack, messages, cause } = error;
			const all = JSON.stringify([error, message, description, stack, messages, String(cause)]);
			expect(all).not.toContain(KEY);
			expect(JSON.stringify({ ...error })).not.toContain(KEY);
		});
	},
);

describe('toNodeError', () => {
	const call = (failure: Failure) => convert(new CallFailure(failure)) as NodeApiError;

	it('shows the status where there was one', () => {
		expect(call({ kind: 'server-error', detail: 'x', status: 502 }).httpCode).toBe('502');
		expect(call({ kind: 'rejected', detail: 'x', status: 404 }).httpCode).toBe('404');
		expect(call({ kind: 'network', detail: 'x', code: 'ECONNREFUSED' }).httpCode).toBeNull();
	});

	it('counts seconds', () => {
		expect(call({ kind: 'circuit-open', detail: 'x', reopensInMs: 900 }).message).toContain(
			'another 1 second after',
		);
		expect(call({ kind: 'timeout', detail: 'x', timeoutMs: 1_500 }).message).toContain(
			'within 2 seconds',
		);
	});

	it('tells a budget that starts again from a balance that does not', () => {
		const resetsAtMs = Date.UTC(2026, 0, 16);
		expect(call({ kind: 'budget-exhausted', detail: 'x', resetsAtMs }).description).toContain(
			'2026-01-16T00:00:00.000Z',
		);
		const balance = call({ kind: 'budget-exhausted', detail: 'x' });
		expect(balance.description).toContain("'Credit Balance'");
		expect(balance.failure).toEqual({ cause: 'quota-exhausted' });
	});

	it('gives the bookmark of an interrupted list', () => {
		const cause = new CallFailure({ kind: 'server-error', detail: 'down', status: 503 }, 6, 0);
		const error = convert(new ListInterrupted('Ym9va21hcms', cause));
		expect(error.message).toBe('TikLiveAPI could not answer just now [item 3]');
		expect(error.description).toMatch(/set 'Start From' to Ym9va21hcms$/);
	});

	it('names the parameter of bad input, also when n8n would put in a text of its own', () => {
		const error = convert(
			new InvalidInput('User', '"eperm enoent" is not a TikTok username', 'Enter another one.'),
		);
		expect(error).toBeInstanceOf(NodeOperationError);
		expect(error.message).toBe(
			`"eperm enoent" is not a TikTok username (parameter 'User') [item 3]`,
		);
		expect(error.description).toBe('Enter another one.');
		expect(error.failure).toEqual({ cause: 'configuration-invalid' });
	});

	it('keeps the context of an expression that failed', () => {
		const error = convert(new ExpressionError('Referenced node is unexecuted', { runIndex: 1 }));
		expect(error).toBeInstanceOf(NodeOperationError);
		expect(error.message).toBe('Referenced node is unexecuted');
		expect(error.context).toMatchObject({ itemIndex: 3 });
	});

	it('leaves errors of n8n as they are', () => {
		const error: NodeError = new NodeOperationError(NODE, 'Known already', { itemIndex: 9 });
		expect(convert(error)).toBe(error);
		expect(error.context['itemIndex']).toBe(9);
	});

	it.each([
		[new TypeError(`Cannot read ${KEY}`), 'Cannot read *** [item 3]'],
		['just a text', 'just a text [item 3]'],
		[undefined, 'undefined [item 3]'],
	])('declares %p as a defect of the node', (thrown, message) => {
		const error = convert(thrown);
		expect(error.message).toBe(message);
		expect(error.failure).toEqual({ cause: 'node-defect' });
	});

	it('names the users instead of an item where a trigger asks for several', () => {
		const users = ['@ana', '@bob'];
		const place = { node: NODE, apiKey: KEY, isPoll: true };
		const missing = new CallFailure({ kind: 'not-found', detail: 'Not found user' });
		const error = toNodeError(missing, { ...place, users });
		expect(error.message).toBe('@ana, @bob were not found on TikTok');
		expect(error.context).not.toHaveProperty('itemIndex');
		const many = ['@a', '@b', '@c', '@d', '@e', '@f', '@g'];
		expect(toNodeError(missing, { ...place, users: many }).message).toBe(
			'@a, @b, @c, @d, @e and 2 more were not found on TikTok',
		);
		const open = new CallFailure({ kind: 'circuit-open', detail: 'open', reopensInMs: 9_000 });
		expect(toNodeError(open, { ...place, users }).description).not.toContain('When Unavailable');
		expect(toNodeError(open, place).message).toMatch(/so nothing was asked$/);
	});

	it('tells of a name that looks like an id how to give an id', () => {
		const missing = new CallFailure({ kind: 'not-found', detail: 'Not found user' });
		const advice = (user: string) =>
			toNodeError(missing, { ...PLACE, users: [user] }).description ?? '';
		expect(advice('@6943972350728700930')).toContain('choose By ID');
		expect(advice('6943972350728700930')).not.toContain('By ID');
		expect(advice('@user6943972350728')).not.toContain('By ID');
	});

	it('says when to come back after a long Retry-After', () => {
		const limited = (retryAfterMs: number) =>
			new CallFailure({ kind: 'rate-limited', detail: '429', retryAfterMs });
		expect(convert(limited(3_600_000)).description).toMatch(
			/^TikLiveAPI asks to come back at \d{4}-\d\d-\d\dT[\d:.]+Z\. Set 'Requests per Minute'/,
		);
		expect(convert(limited(2_000)).description).toMatch(/^Set 'Requests per Minute'/);
	});

	it('works before the key is known', () => {
		const error = toNodeError(new InvalidInput('User', 'x', 'y'), { ...PLACE, apiKey: '' });
		expect(error.message).toBe("x (parameter 'User') [item 3]");
	});
});
