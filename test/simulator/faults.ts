import { STATUS_CODES } from 'node:http';

import { randomFrom } from './chance.ts';
import type { Dialect } from './dialects.ts';

/** One thing that goes wrong with one request. Billed are the ones that start from a paid 200 answer. */
export type Fault =
	/** Nothing: the true answer, also while rates are set. */
	| { kind: 'none' }
	/** Any status and body. A 200 is billed unless its body is a lone `message`. */
	| { kind: 'status'; status: number; headers?: Record<string, string>; body?: string }
	/** Connection reset before a byte was answered. Not billed. */
	| { kind: 'reset' }
	/** Half of the body, then a reset. Billed. */
	| { kind: 'reset-mid-body' }
	/** Half of the JSON, framed as if it were all. Billed. */
	| { kind: 'truncated' }
	/** Content-Length says half of what is sent. Billed. */
	| { kind: 'short-length' }
	/** Half of what Content-Length says, then an orderly end. Billed. */
	| { kind: 'short-body' }
	/** Chunked, ended without the last chunk. Billed. */
	| { kind: 'chunked-cut' }
	/** Status 200 with an HTML page, an empty body or the text `null`. Billed. */
	| { kind: 'html' }
	| { kind: 'empty' }
	| { kind: 'null' }
	/** The true answer behind a byte order mark. Billed and usable. */
	| { kind: 'bom' }
	/** The true answer in another form. Billed and usable. */
	| { kind: Dialect }
	/** The true answer with ids as floats, of which nobody knows whom they mean. Billed. */
	| { kind: 'float-ids' }
	/** The true answer, compressed. Billed and usable. */
	| { kind: 'compressed'; encoding: Encoding }
	/** The first half of that, framed as if it were all. Billed. */
	| { kind: 'compressed-cut'; encoding: Encoding }
	/** A valid JSON body that is `bytes` long, default 300 MB, in a thousandth of that. Billed. */
	| { kind: 'bomb'; bytes?: number }
	/** The true answer, but one letter of a nickname or a title is no UTF-8. Billed and usable. */
	| { kind: 'broken-byte' }
	/** 403 with the page of a CDN that takes the caller for a robot. Not billed. */
	| { kind: 'challenge' }
	/** The true answer, `ms` later. Billed when it arrives here, even if nobody waits for it. */
	| { kind: 'slow-headers'; ms: number }
	/** The true answer, a byte each `everyMs`. Billed. */
	| { kind: 'slow-body'; everyMs: number }
	/** 302 to another host. Not billed. */
	| { kind: 'redirect'; location?: string }
	/** A valid JSON body of `bytes`, default 300 MB. Billed. */
	| { kind: 'huge'; bytes?: number }
	/** 204. Not billed. */
	| { kind: 'no-content' }
	/** No answer, the connection stays open. Not billed. */
	| { kind: 'never' };

export type Encoding = 'gzip' | 'deflate' | 'br' | 'zstd';

type FaultKind = Fault['kind'];
type SimpleKind = Exclude<
	FaultKind,
	'status' | 'slow-headers' | 'slow-body' | 'compressed' | 'compressed-cut'
>;

/** A fault, a kind that needs no more, or a status. */
export type FaultStep = Fault | SimpleKind | number;

/** `7` seconds as text, or `date` for an HTTP date seven seconds ahead. Other text is sent as it is. */
export type RetryAfter = string;

export interface FaultRates {
	/** Shares of all requests, 0 to 1; their sum is at most 1. */
	rate429?: number;
	/** 500, 502, 503 and 504 in equal parts. */
	rate5xx?: number;
	rateReset?: number;
	rateTruncated?: number;
	rateHtml?: number;
	/** Headers `slowMs` late, default 60,000. */
	rateSlow?: number;
	slowMs?: number;
	/** On drawn 429s; undefined = no header. */
	retryAfter?: RetryAfter | undefined;
	/** Server time of every request, uniform between the two. */
	latencyMs?: readonly [number, number];
}

/** Which requests a script is for: an endpoint, an endpoint with some parameters, or a function. */
export type Matcher =
	| string
	| { endpoint?: string; params?: Record<string, string> }
	| ((request: FaultTarget) => boolean);

export interface FaultTarget {
	endpoint: string;
	params: URLSearchParams;
}

/** `true`: 503 for everybody. `reset`: connections reset. `refuse`: the listening socket is closed. */
export type Outage = boolean | 'reset' | 'refuse';

/** What each kind takes; for checking faults that come as JSON. */
const FIELDS: Record<FaultKind, Record<string, 'number' | 'string' | 'object'>> = {
	none: {},
	status: { status: 'number', headers: 'object', body: 'string' },
	reset: {},
	'reset-mid-body': {},
	truncated: {},
	'short-length': {},
	'short-body': {},
	'chunked-cut': {},
	html: {},
	empty: {},
	null: {},
	bom: {},
	wrapped: {},
	'php-lists': {},
	'php-warning': {},
	'float-ids': {},
	compressed: { encoding: 'string' },
	'compressed-cut': { encoding: 'string' },
	bomb: { bytes: 'number' },
	'broken-byte': {},
	challenge: {},
	'slow-headers': { ms: 'number' },
	'slow-body': { everyMs: 'number' },
	redirect: { location: 'string' },
	huge: { bytes: 'number' },
	'no-content': {},
	never: {},
};
const REQUIRED: Partial<Record<FaultKind, string>> = {
	status: 'status',
	compressed: 'encoding',
	'compressed-cut': 'encoding',
	'slow-headers': 'ms',
	'slow-body': 'everyMs',
};
const SHARES = [
	'rate429',
	'rate5xx',
	'rateReset',
	'rateTruncated',
	'rateHtml',
	'rateSlow',
] as const;
const SETTINGS: readonly string[] = [...SHARES, 'slowMs', 'retryAfter', 'latencyMs'];
const SERVER_ERRORS = [500, 502, 503, 504];

interface Script {
	matches: (request: FaultTarget) => boolean;
	steps: Fault[];
}

/** What shall go wrong: an outage, exact scripts, and rates drawn from a seeded stream. */
export class Faults {
	readonly #seed: number;

	readonly #wallNow: () => number;

	#random: () => number;

	#rates: FaultRates = {};

	#scripts: Script[] = [];

	#outage: Outage = false;

	#onOutage: (mode: Outage) => Promise<void> = async () => {};

	constructor(seed: number, wallNow: () => number) {
		this.#seed = seed;
		this.#wallNow = wallNow;
		this.#random = randomFrom(seed);
	}

	/** Replaces all rates; `set({})` ends them. @throws TypeError on an unknown name, RangeError on a bad share. */
	set(rates: FaultRates): void {
		const unknown = Object.keys(rates).find((name) => !SETTINGS.includes(name));
		if (unknown !== undefined) throw new TypeError(`Unknown fault setting ${unknown}`);
		const shares = SHARES.map((name) => rates[name] ?? 0);
		const sum = shares.reduce((total, share) => total + share, 0);
		if (!shares.every((share) => share >= 0) || !(sum <= 1 + 1e-9)) {
			throw new RangeError('Fault shares must be 0 or more and not above 1 together');
		}
		this.#rates = { ...rates };
	}

	/**
	 * The next requests that match get these, one each, in this order; scripts go before rates and limits,
	 * and an older script goes first. @throws TypeError for a step that is no fault.
	 */
	script(matcher: Matcher, steps: readonly FaultStep[]): void {
		this.#scripts.push({ matches: predicateOf(matcher), steps: steps.map(faultOf) });
	}

	/** Resolves when the socket is closed or open again. */
	async outage(mode: Outage): Promise<void> {
		this.#outage = mode;
		await this.#onOutage(mode);
	}

	/** For the server, which has a socket to close. */
	onOutage(listener: (mode: Outage) => Promise<void>): void {
		this.#onOutage = listener;
	}

	/** Steps of scripts that no request has met yet. */
	pending(): number {
		return this.#scripts.reduce((total, script) => total + script.steps.length, 0);
	}

	/** Ends scripts and rates, and begins the stream anew; an outage stays until it is ended. */
	reset(): void {
		this.#rates = {};
		this.#scripts = [];
		this.#random = randomFrom(this.#seed);
	}

	/** The fault that this request cannot escape, from the outage or a script. */
	forced(request: FaultTarget): Fault | undefined {
		if (this.#outage !== false) {
			return this.#outage === true ? { kind: 'status', status: 503 } : { kind: 'reset' };
		}
		const script = this.#scripts.find((candidate) => candidate.matches(request));
		const fault = script?.steps.shift();
		if (script?.steps.length === 0) this.#scripts.splice(this.#scripts.indexOf(script), 1);
		return fault;
	}

	/** The fault that chance gives this request. */
	drawn(): Fault | undefined {
		const rates = this.#rates;
		if (!SHARES.some((name) => rates[name])) return undefined;
		let rest = this.#random();
		const falls = (share = 0): boolean => {
			rest -= share;
			return rest < 0;
		};
		if (falls(rates.rate429)) return tooManyRequests(this.retryAfterHeader(rates.retryAfter));
		if (falls(rates.rate5xx)) {
			const status = SERVER_ERRORS[Math.floor(this.#random() * SERVER_ERRORS.length)]!;
			return { kind: 'status', status };
		}
		if (falls(rates.rateReset)) return { kind: 'reset' };
		if (falls(rates.rateTruncated)) return { kind: 'truncated' };
		if (falls(rates.rateHtml)) return { kind: 'html' };
		if (falls(rates.rateSlow)) return { kind: 'slow-headers', ms: rates.slowMs ?? 60_000 };
		return undefined;
	}

	/** Server time of the next request, ms. */
	latencyMs(): number {
		const range = this.#rates.latencyMs;
		return range ? range[0] + this.#random() * (range[1] - range[0]) : 0;
	}

	retryAfterHeader(retryAfter: RetryAfter | undefined): Record<string, string> {
		if (retryAfter === undefined) return {};
		if (retryAfter !== 'date') return { 'retry-after': retryAfter };
		return { 'retry-after': new Date(this.#wallNow() + 7_000).toUTCString() };
	}
}

export function tooManyRequests(headers: Record<string, string>): Fault {
	return { kind: 'status', status: 429, headers };
}

/** What a status without a body of its own says. */
export function plainBody(status: number): string {
	return status === 502
		? '<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>'
		: JSON.stringify({ message: STATUS_CODES[status] ?? 'Unknown' });
}

function predicateOf(matcher: Matcher): Script['matches'] {
	if (typeof matcher === 'function') return matcher;
	const { endpoint, params = {} } = typeof matcher === 'string' ? { endpoint: matcher } : matcher;
	const wanted = Object.entries(params);
	return (request) =>
		(endpoint === undefined || request.endpoint === endpoint) &&
		wanted.every(([name, value]) => request.params.get(name) === value);
}

function faultOf(step: FaultStep): Fault {
	const fault = (
		typeof step === 'number'
			? { kind: 'status', status: step }
			: typeof step === 'string'
				? { kind: step }
				: step
	) as Fault;
	const fields = Object.hasOwn(FIELDS, fault?.kind) ? FIELDS[fault.kind] : undefined;
	const required = fields && REQUIRED[fault.kind];
	const given = Object.entries(fault ?? {}).filter(([name]) => name !== 'kind');
	if (
		!fields ||
		(required !== undefined && !Object.hasOwn(fault, required)) ||
		given.some(([name, value]) => value !== undefined && typeof value !== fields[name])
	) {
		throw new TypeError(`Not a fault: ${JSON.stringify(step)}`);
	}
	return fault;
}
