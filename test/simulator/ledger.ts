import { hash } from './chance.ts';

/** Why a paid answer did not reach the caller whole. */
export type LossReason =
	| 'reset-mid-body'
	| 'truncated'
	| 'short-length'
	| 'short-body'
	| 'chunked-cut'
	| 'html'
	| 'empty'
	| 'null'
	| 'huge'
	| 'compressed-cut'
	| 'bomb'
	| 'caller-left';

export interface LedgerReport {
	/** Credits billed in all. */
	billed: number;
	perEndpoint: Record<string, number>;
	perKey: Record<string, number>;
	/** Users that something was billed for, and the one with the most. */
	users: number;
	mostForOneUser: { username: string; credits: number } | null;
	/** Different requests (endpoint and parameters) that were billed. */
	distinct: number;
	/** Requests billed more than once. `undelivered` of the times nothing usable arrived. */
	paidTwice: Array<{ request: string; times: number; undelivered: number }>;
	/** Paid answers that arrived damaged or not at all, in order. */
	undelivered: Array<{ request: string; reason: LossReason }>;
	/** Left per key; null without a finite balance. */
	balance: Record<string, number> | null;
}

export interface Bill {
	key: string;
	endpoint: string;
	/** Endpoint and sorted parameters, see requestName(). */
	request: string;
	/** Absent for a user that does not exist. */
	username: string | undefined;
}

/**
 * Credits as the server bills them: the honest count that a client's own one is held against.
 * Requests are remembered as 53-bit hashes, by name only when paid again, so a million cost some 100 MB.
 */
export class Ledger {
	readonly #startBalance: number;

	#billed = 0;

	#perEndpoint: Record<string, number> = {};

	#perKey: Record<string, number> = {};

	#topUps: Record<string, number> = {};

	#perUser = new Map<string, number>();

	#perRequest = new Map<number, number>();

	#paidTwice = new Set<string>();

	#undelivered: LedgerReport['undelivered'] = [];

	/** `credits`: on the account of each key at the start; Infinity for a balance that never ends. */
	constructor(credits: number) {
		this.#startBalance = credits;
	}

	balance(key: string): number {
		return this.#startBalance + (this.#topUps[key] ?? 0) - this.billedTo(key);
	}

	/** Adds credits to the account of a key. */
	topUp(key: string, credits: number): void {
		this.#topUps[key] = (this.#topUps[key] ?? 0) + credits;
	}

	/** One credit. */
	bill(item: Bill): void {
		this.#billed++;
		this.#perEndpoint[item.endpoint] = (this.#perEndpoint[item.endpoint] ?? 0) + 1;
		this.#perKey[item.key] = this.billedTo(item.key) + 1;
		if (item.username !== undefined) {
			this.#perUser.set(item.username, this.billedFor(item.username) + 1);
		}
		const times = this.billedTimes(item.request) + 1;
		this.#perRequest.set(hash53(item.request), times);
		if (times === 2) this.#paidTwice.add(item.request);
	}

	/** A billed answer did not arrive. */
	lose(request: string, reason: LossReason): void {
		this.#undelivered.push({ request, reason });
	}

	billedTo(key: string): number {
		return this.#perKey[key] ?? 0;
	}

	/** Credits billed for everything about one user. */
	billedFor(username: string): number {
		return this.#perUser.get(username) ?? 0;
	}

	/** How often one request was billed; `request` as requestName() writes it. */
	billedTimes(request: string): number {
		return this.#perRequest.get(hash53(request)) ?? 0;
	}

	report(): LedgerReport {
		const lost = new Map<string, number>();
		for (const { request } of this.#undelivered) lost.set(request, (lost.get(request) ?? 0) + 1);
		let most: LedgerReport['mostForOneUser'] = null;
		for (const [username, credits] of this.#perUser) {
			if (credits > (most?.credits ?? 0)) most = { username, credits };
		}
		return {
			billed: this.#billed,
			perEndpoint: { ...this.#perEndpoint },
			perKey: { ...this.#perKey },
			users: this.#perUser.size,
			mostForOneUser: most,
			distinct: this.#perRequest.size,
			paidTwice: [...this.#paidTwice].map((request) => ({
				request,
				times: this.billedTimes(request),
				undelivered: lost.get(request) ?? 0,
			})),
			undelivered: [...this.#undelivered],
			balance: this.#balances(),
		};
	}

	/** Forgets everything, top-ups included. */
	reset(): void {
		this.#billed = 0;
		this.#perEndpoint = {};
		this.#perKey = {};
		this.#topUps = {};
		this.#perUser = new Map();
		this.#perRequest = new Map();
		this.#paidTwice = new Set();
		this.#undelivered = [];
	}

	#balances(): Record<string, number> | null {
		if (this.#startBalance === Infinity) return null;
		const keys = new Set([...Object.keys(this.#perKey), ...Object.keys(this.#topUps)]);
		return Object.fromEntries([...keys].map((key) => [key, this.balance(key)]));
	}
}

/** `/user-posts/?count=35&cursor=0&userid=6...`: endpoint and parameters in alphabetical order. */
export function requestName(endpoint: string, params: URLSearchParams): string {
	const sorted = new URLSearchParams(params);
	sorted.sort();
	return `${endpoint}?${sorted}`;
}

/** Two requests among a million share a value with a chance of 1 in 18,000. */
function hash53(text: string): number {
	let low = 0;
	let high = 1;
	for (let index = 0; index < text.length; index++) {
		const code = text.charCodeAt(index);
		low = hash(low, code, 1);
		high = hash(high, code, 2);
	}
	return (high & 0x1fffff) * 2 ** 32 + low;
}
