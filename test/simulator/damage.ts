import { free, type PlainAnswer } from './api.ts';
import { floatIds, inDialect } from './dialects.ts';
import { plainBody, type Fault } from './faults.ts';
import type { LossReason } from './ledger.ts';

/** Faults that happen on the wire, behind the answer; whoever carries it must act them out. */
export type WireFault = Extract<
	Fault,
	{
		kind:
			| 'reset'
			| 'reset-mid-body'
			| 'short-length'
			| 'short-body'
			| 'chunked-cut'
			| 'slow-body'
			| 'huge'
			| 'compressed'
			| 'compressed-cut'
			| 'bomb'
			| 'broken-byte'
			| 'never';
	}
>;

/** What goes out, before it is booked. */
export interface Draft extends PlainAnswer {
	headers: Record<string, string>;
	delayMs: number;
	wire?: WireFault;
	/** Set where a paid answer will not arrive whole. */
	loss?: LossReason;
}

const HTML_PAGE = '<!DOCTYPE html><html><body><h1>Just a moment...</h1></body></html>';
const CHALLENGE_PAGE =
	'<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title></head><body>…</body></html>';

/** The answer as the fault leaves it. `plain` is asked only where the fault lets the request through. */
export function damage(
	fault: Fault = { kind: 'none' },
	path: string,
	plain: () => PlainAnswer,
): Draft {
	switch (fault.kind) {
		case 'status': {
			const body = fault.body ?? plainBody(fault.status);
			const billing = fault.status === 200 ? billingOf(body) : 'free';
			const draft = draftOf({ status: fault.status, body, billing });
			return { ...draft, headers: { ...draft.headers, ...fault.headers } };
		}
		case 'reset':
		case 'never':
			return { ...draftOf(free(0, '')), wire: fault };
		case 'no-content':
			return { ...draftOf(free(204, '')), headers: {} };
		case 'redirect': {
			const location = fault.location ?? `http://elsewhere.invalid${path}`;
			return { ...draftOf(free(302, '')), headers: { location } };
		}
		case 'none':
			return draftOf(plain());
		case 'slow-headers':
			return { ...draftOf(plain()), delayMs: fault.ms };
		case 'slow-body':
			return { ...draftOf(plain()), wire: fault };
		case 'bom':
			return replaced(plain(), (body) => `\ufeff${body}`);
		case 'wrapped':
		case 'php-lists':
		case 'php-warning':
			return replaced(plain(), (body) => inDialect(fault.kind, body));
		case 'float-ids':
			return replaced(plain(), floatIds);
		case 'challenge':
			return draftOf(free(403, CHALLENGE_PAGE));
		case 'compressed':
		case 'broken-byte':
			return { ...draftOf(plain()), wire: fault };
		case 'truncated':
			return { ...replaced(plain(), (body) => body.slice(0, body.length / 2)), loss: fault.kind };
		case 'html':
			return { ...replaced(plain(), () => HTML_PAGE), loss: fault.kind };
		case 'empty':
			return { ...replaced(plain(), () => ''), loss: fault.kind };
		case 'null':
			return { ...replaced(plain(), () => 'null'), loss: fault.kind };
		case 'reset-mid-body':
		case 'short-length':
		case 'short-body':
		case 'chunked-cut':
		case 'huge':
		case 'compressed-cut':
		case 'bomb':
			return { ...draftOf(plain()), wire: fault, loss: fault.kind };
	}
}

function draftOf(answer: PlainAnswer): Draft {
	const type = answer.body.startsWith('<') ? 'text/html' : 'application/json';
	return { ...answer, headers: { 'content-type': type }, delayMs: 0 };
}

function replaced(answer: PlainAnswer, change: (body: string) => string): Draft {
	return draftOf({ ...answer, body: change(answer.body) });
}

/** How a scripted body with status 200 is billed. */
function billingOf(body: string): PlainAnswer['billing'] {
	let value: unknown;
	try {
		value = JSON.parse(body);
	} catch {
		return 'found';
	}
	if (typeof value !== 'object' || value === null) return 'found';
	const fields = value as Record<string, unknown>;
	if (typeof fields.message !== 'string') return 'found';
	if (Object.keys(fields).length === 1) return 'free';
	return fields.status === 'error' ? 'entity-error' : 'found';
}
