export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;

export interface JsonObject {
	[key: string]: JsonValue;
}

/** Real bodies nest 4 deep; 100 leaves room and keeps every recursive reader after us safe. */
export const MAX_DEPTH = 100;

/** `empty`, `html` and `not-json` were not readable; the others were, but are not what the API answers with. */
export type BodyProblem = 'empty' | 'html' | 'not-json' | 'not-object' | 'too-deep';

/** Ends the sentence "TikLiveAPI answered with …". */
export const BODY_PROBLEM_TEXT: Readonly<Record<BodyProblem, string>> = {
	empty: 'an empty body',
	html: 'a web page instead of JSON',
	'not-json': 'a body that is not valid JSON',
	'not-object': 'JSON that is not an object',
	'too-deep': `JSON nested more than ${MAX_DEPTH} levels deep`,
};

/** A body that holds no usable object. The message never quotes the body. */
export class BodyError extends Error {
	override readonly name = 'BodyError';

	constructor(readonly problem: BodyProblem) {
		super(BODY_PROBLEM_TEXT[problem]);
	}
}

/** Could the text hold a number of 16 digits or more? Digits inside strings seldom match: most follow a quote. */
const MAYBE_BIG_INTEGER = /[[:,][ \t\n\r]*-?\d{16}/;

const ID_FIELD = /^(?:id|uid)$|_id$|Id$/;

/** The body, or what is wrong with it, for a reader who goes on either way. See `parseBody`. */
export function readBody(text: string): JsonObject | BodyProblem {
	const json = text.replace(/^\uFEFF/, '');
	const root = parseJson(json);
	if (root === undefined) return unreadable(json);
	if (!isJsonObject(root)) return 'not-object';
	if (!normalise(root)) return 'too-deep';
	if (!MAYBE_BIG_INTEGER.test(json)) return root;

	// A reviver recurses and is slow, so it runs only if needed, and only now that the depth is known.
	const exact: JsonObject = JSON.parse(json, keepBigInteger);
	normalise(exact);
	return exact;
}

/**
 * Reads a body into an object that is safe to hand on: integers beyond 2^53 become strings with all their
 * digits; ids are strings even where the API sent numbers; own `__proto__` keys are gone.
 *
 * @throws BodyError
 */
export function parseBody(text: string): JsonObject {
	const body = readBody(text);
	if (typeof body === 'string') throw new BodyError(body);
	return body;
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Undefined for what is not JSON. V8 reads any depth without recursion. */
function parseJson(text: string): JsonValue | undefined {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

function unreadable(text: string): BodyProblem {
	if (text.trim() === '') return 'empty';
	return /^\s*</.test(text) ? 'html' : 'not-json';
}

/** TypeScript's library does not know the third argument yet (JSON.parse source text access, Node >= 21). */
function keepBigInteger(_key: string, value: JsonValue, context?: { source?: string }): JsonValue {
	const source = context?.source ?? '';
	const isBigInteger =
		typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(source);
	return isBigInteger ? source : value;
}

/**
 * Level by level and without recursion, so that no depth can overflow the stack. Changes `root` in place.
 * Returns false when it is nested too deep.
 */
function normalise(root: JsonObject): boolean {
	let level: (JsonObject | JsonValue[])[] = [root];
	for (let depth = 1; level.length > 0; depth++) {
		if (depth > MAX_DEPTH) return false;
		const below: (JsonObject | JsonValue[])[] = [];
		for (const node of level) {
			if (Array.isArray(node)) {
				for (const value of node)
					if (typeof value === 'object' && value !== null) below.push(value);
			} else {
				normaliseObject(node, below);
			}
		}
		level = below;
	}
	return true;
}

function normaliseObject(node: JsonObject, below: (JsonObject | JsonValue[])[]): void {
	for (const key of Object.keys(node)) {
		if (key === '__proto__') {
			delete node[key];
			continue;
		}
		const value = node[key];
		if (typeof value === 'object' && value !== null) below.push(value);
		else if (typeof value === 'number' && ID_FIELD.test(key)) node[key] = String(value);
	}
}
