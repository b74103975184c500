import type { EndpointName } from './endpoints';
import type { JsonObject } from './json';

/** The part of the client that reading users and lists needs. Options (priority, signal, age) are bound by the caller. */
export type Call = (
	endpoint: EndpointName,
	params: Readonly<Record<string, string | number>>,
) => Promise<CallAnswer>;

export interface CallAnswer {
	body: JsonObject;
	source: 'network' | 'cache' | 'shared' | 'stale';
	/** Wall clock, ms. */
	fetchedAtMs: number;
	attempts: number;
	credits: number;
}
