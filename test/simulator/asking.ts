import type { Answer, Responder } from './responder.ts';

export type Query = Record<string, string | number>;

/** One whole exchange with a responder. */
export function exchange(
	respond: Responder,
	path: string,
	query: Query = {},
	key: string | null = 'test-key',
): Answer {
	const answer = respond({
		url: pathOf(path, query),
		headers: key === null ? {} : { 'x-api-key': key },
	});
	answer.end();
	return answer;
}

/** The parsed body of an exchange. */
export function ask(respond: Responder, path: string, query: Query = {}): Record<string, unknown> {
	return JSON.parse(exchange(respond, path, query).body) as Record<string, unknown>;
}

export function pathOf(path: string, query: Query = {}): string {
	const params = new URLSearchParams();
	for (const [name, value] of Object.entries(query)) params.set(name, String(value));
	return `${path}?${params}`;
}
